"""Vector quantizers: latents to indices and back."""
