"""The comparison of recipes for measurements through an operator: `python -m benchmarks.inverse`."""
