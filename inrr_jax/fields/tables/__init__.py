"""Fields of values or features on the nodes of grids, interpolated in between."""
