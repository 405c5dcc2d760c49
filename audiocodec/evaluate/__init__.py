"""Measures of quality and of how codebooks are used."""
