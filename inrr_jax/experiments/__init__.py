"""Sweeps, comparisons and the paper's claims."""
