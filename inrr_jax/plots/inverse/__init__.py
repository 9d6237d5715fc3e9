"""Figures of signals that are known by indirect measurements."""
