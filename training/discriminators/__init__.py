"""Judges of sound: on the complex spectrum, and on the waveform at several rates."""
