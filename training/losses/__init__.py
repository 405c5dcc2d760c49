"""What training minimises: spectra, waveforms, and what discriminators say."""
