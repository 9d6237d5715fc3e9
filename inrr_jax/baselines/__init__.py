"""Classical fills."""
