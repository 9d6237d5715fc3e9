"""Fills that approximate groups of similar patches."""
