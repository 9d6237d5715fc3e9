"""Kinds of data that are given by equations of a signal and its derivatives, one file per kind."""
