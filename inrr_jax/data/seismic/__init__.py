"""Seismic data: velocity models, wavelets and gathers."""
