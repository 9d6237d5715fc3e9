"""One fit, many fits, ensembles and checkpoints."""
