"""Kinds of data that are known by indirect measurements."""
