"""Weights of others to ours: their files are read operation by operation, strictly."""
