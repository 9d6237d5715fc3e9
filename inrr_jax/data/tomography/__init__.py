"""Slices whose projections are known exactly, and projections by another method than the operator."""
