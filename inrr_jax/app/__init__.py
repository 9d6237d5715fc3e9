"""A local page on which damage is painted over a picture and recovered; scripts/app.py starts it."""
