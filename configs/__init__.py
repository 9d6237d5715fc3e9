"""Configs: each states its difference from base.py."""
