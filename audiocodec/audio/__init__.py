"""Sound files in and out, resampling and channel layout: numpy, soundfile and soxr, never torch."""
