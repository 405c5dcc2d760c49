"""Causal blocks with explicit state: `y, state = layer(x, state)`; they know no codec."""
