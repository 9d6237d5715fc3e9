"""Reports of signals that are recovered from equations, one file per kind of data."""
