"""What the page calls the numbers of a log."""

LOSSES = {
    "spectral": "Multi-scale spectral loss",
    "reconstruction": "Reconstruction (waveform, mean square)",
    "commitment": "Commitment, summed over levels",
    "complex_spectral": "Complex spectral loss",
    "adversarial": "Adversarial loss of the generator",
    "feature": "Feature matching",
    "discriminator": "Loss of the discriminators",
    "embedding_norm": "L2 norm of the encoder's embeddings",
    "gradient_norm": "Gradient norm of the generator, before clipping",
    "discriminator_gradient_norm": "Gradient norm of the discriminators",
}
CODEBOOKS = {
    "diversity": "Diversity: normalised entropy, 1 = all vectors alike, 0 = a single one",
    "usage": "Usage: vectors in effective use, share of all",
    "dead": "Dead vectors, share of all",
    "codebook_norm": "Mean L2 norm of the vectors",
}
MEASURES = {
    "mel": "Mel distance (less is better)",
    "pesq_wb": "PESQ-WB (more is better)",
    "stoi": "STOI (more is better)",
    "visqol": "ViSQOL of speech (more is better)",
    "si_sdr_db": "SI-SDR in dB (more is better)",
    "treble_db": "Treble above 8 kHz in dB (0 is right, less is dull)",
}
