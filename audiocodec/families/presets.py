"""Configurations by name: the reference recipe, the paper's variants and light networks."""

from .soundstream import SoundStreamConfig


def _full_rate(
    strides: tuple[int, ...], *, encoder: int = 32, decoder: int = 32
) -> SoundStreamConfig:
    """Return the paper's network: widths double with every stride, from C of each side."""
    return SoundStreamConfig(
        strides=strides,
        encoder_channels=tuple(encoder << i for i in range(len(strides) + 1)),
        decoder_channels=tuple(decoder << i for i in range(len(strides) + 1)),
    )


_REFERENCE, _PAPER = (3, 4, 5, 8), (2, 4, 5, 8)

PRESETS: dict[str, SoundStreamConfig] = {
    # The training note's: 50 frames a second.
    "soundstream_24khz": _full_rate(_REFERENCE),
    "soundstream_light_24khz": _full_rate(_REFERENCE, encoder=16, decoder=16),
    # The paper's (arXiv 2107.03312): 75 frames a second; C of the encoder, then of the decoder.
    "soundstream_paper_24khz": _full_rate(_PAPER),
    "soundstream_paper_16_32_24khz": _full_rate(_PAPER, encoder=16, decoder=32),
    "soundstream_paper_8_32_24khz": _full_rate(_PAPER, encoder=8, decoder=32),
    "soundstream_paper_32_16_24khz": _full_rate(_PAPER, encoder=32, decoder=16),
    "soundstream_paper_32_8_24khz": _full_rate(_PAPER, encoder=32, decoder=8),
    # Learned stems with a stride: no layer runs faster than 1 kHz.
    "soundstream_patch_24khz": SoundStreamConfig(
        patch_samples=24,
        stem_kernel=96,
        strides=(2, 2, 5),
        encoder_channels=(48, 96, 192, 384),
        decoder_channels=(48, 96, 192, 384),
        unit_kernel=3,
        activation="leaky_relu",
        trunk_activation=False,
        latent_units=2,
        latent_dim=96,
        levels=16,
    ),
    # The embedded weights': between short-time spectra, no layer runs faster than 100 Hz.
    "soundstream_spectrum_24khz": SoundStreamConfig(
        stem="spectrum",
        patch_samples=240,
        stem_kernel=480,
        strides=(2,),
        encoder_channels=(256, 512),
        decoder_channels=(256, 512),
        unit_kernel=3,
        activation="leaky_relu",
        trunk_activation=False,
        latent_units=2,
        latent_dim=96,
        levels=16,
    ),
}
"""Preset name -> configuration; widths and strides of the paper are at latent dimension 512."""
