"""Nonlocal priors: patch graphs, low-rank patch groups, residual correction."""
