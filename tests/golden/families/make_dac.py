"""Make the files dac_* and snac* of this folder with the public packages.

python tests/golden/families/make_dac.py   (pip install transformers einops; pip install --no-deps
descript-audio-codec snac)
"""

import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))
RELEASE = dict(
    encoder_dim=2,
    encoder_rates=[2, 3],
    decoder_dim=8,
    decoder_rates=[3, 2],
    n_codebooks=3,
    codebook_size=16,
    codebook_dim=4,
    sample_rate=8000,
)


def save(folder: Path, model: torch.nn.Module, config: dict[str, object]) -> None:
    """Write what `audiocodec` makes of a pickle: the same names in safetensors."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config) + "\n")
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors"
    )


@torch.no_grad()
def main() -> None:
    """Write three folders, and what comes of the same sound."""
    public = import_module("public_dac")
    wav = public.noise(1, 1, 6 * 40 + 5)
    padded = functional.pad(wav, (0, 1))
    folder = HERE / "dac_transformers"
    model = public.transformers_dac(folder, **public.SMALLEST_DAC)
    for path in folder.iterdir():
        if path.name not in ("config.json", "model.safetensors"):
            path.unlink()
    codes = model.encode(padded).audio_codes
    expected = {"wav": wav, "dac_transformers.codes": codes}
    expected["dac_transformers.wav"] = model.decode(audio_codes=codes).audio_values[:, None]
    with tempfile.TemporaryDirectory() as scratch:
        model = public.release_dac(Path(scratch) / "weights.pth", **RELEASE)
        save(HERE / "dac_release", model, RELEASE)
        codes = model.encode(padded)[1]
        expected["dac_release.codes"] = codes
        expected["dac_release.wav"] = model.decode(model.quantizer.from_codes(codes)[0])
        model = public.snac(Path(scratch), **public.SMALLEST_SNAC)
        save(HERE / "snac", model, public.SMALLEST_SNAC)
    levels = model.encode(wav)
    for number, codes in enumerate(levels):
        expected[f"snac.codes.{number}"] = codes
    # Without noise, which upstream draws from torch's generator.
    for block in model.decoder.modules():
        if type(block).__name__ == "NoiseBlock":
            block.linear.parametrizations.weight.original0.zero_()
    expected["snac.wav_without_noise"] = model.decode(levels)
    expected = {key: value.contiguous() for key, value in expected.items()}
    save_file(expected, HERE / "dac_expected.safetensors")


if __name__ == "__main__":
    main()
