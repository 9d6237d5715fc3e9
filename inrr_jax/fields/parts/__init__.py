"""Parts that several fields share: layers, neighbouring values, factors of one coordinate."""
