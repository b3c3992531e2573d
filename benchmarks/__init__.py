"""Measurements, written to `results/` as JSON with the machine's description; tables in the docs
are made from those files.
"""
