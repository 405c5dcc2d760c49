"""Spectra shared by losses and metrics."""
