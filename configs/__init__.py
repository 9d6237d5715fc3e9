"""Configs: each states its difference from the defaults in inrr_jax/settings.py."""
