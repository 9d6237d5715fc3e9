"""Benchmarks of time and memory. Each one measures its baselines in the same run."""
