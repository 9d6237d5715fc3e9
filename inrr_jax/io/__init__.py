"""What a run writes and reads: work directories, result rows, metrics."""
