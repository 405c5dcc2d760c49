"""Make the files mimi_* of this folder with the public packages: what they encode and decode.

python tests/golden/families/make_mimi.py   (pip install transformers; pip install --no-deps moshi)
"""

import shutil
import sys
from importlib import import_module
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))


@torch.no_grad()
def main() -> None:
    """Write a folder of transformers, a file of moshi, and what comes of the same sound."""
    public = import_module("public_mimi")
    wav = public.noise(1, 1, 12 * 20 + 7)
    folder = HERE / "mimi_transformers"
    model = public.transformers_mimi(folder, **public.SMALLEST_TRANSFORMERS)
    for path in folder.iterdir():
        if path.name not in ("config.json", "model.safetensors"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    codes = model.encode(wav).audio_codes
    expected = {
        "wav": wav,
        "transformers.codes": codes,
        "transformers.wav": model.decode(codes).audio_values,
    }
    model = public.moshi_mimi(HERE / "mimi_moshi.safetensors", **public.SMALLEST_MOSHI)
    codes = model.encode(wav)
    expected |= {"moshi.codes": codes, "moshi.wav": model.decode(codes)}
    save_file(
        {key: value.contiguous() for key, value in expected.items()},
        HERE / "mimi_expected.safetensors",
    )


if __name__ == "__main__":
    main()
