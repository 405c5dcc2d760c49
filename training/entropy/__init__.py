"""The model of entropy coding: how likely a code is, given those around it."""
