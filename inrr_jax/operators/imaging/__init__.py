"""Operators on values of a picture or any other grid: direct values, blur, and functions of a caller."""
