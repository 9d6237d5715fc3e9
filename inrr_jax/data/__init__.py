"""Signals and masks from files, arrays and generators."""
