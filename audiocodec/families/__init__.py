"""Architectures, one file each; they know layers and quantizers, never files."""
