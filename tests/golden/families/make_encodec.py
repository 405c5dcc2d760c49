"""Make the files encodec_* of this folder with transformers: what it encodes and decodes.

python tests/golden/families/make_encodec.py   (pip install transformers)
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
    """Write a folder for each kind of model, and what comes of a sound."""
    public = import_module("public_encodec")
    expected: dict[str, torch.Tensor] = {}
    for kind, config in public.SMALLEST.items():
        folder = HERE / f"encodec_{kind}"
        model = public.transformers_encodec(folder, **config)
        for path in folder.iterdir():
            if path.name not in ("config.json", "model.safetensors"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        wav = public.sound(model.config.audio_channels, 507)
        codes, scales = public.encode(model, wav, 12.0)
        expected |= {f"{kind}.wav": wav, f"{kind}.codes": codes.to(torch.int32)}
        expected[f"{kind}.sound"] = public.decode(model, codes, scales)[..., :507]
        if scales is not None:
            expected[f"{kind}.scales"] = scales
    save_file(
        {key: value.contiguous() for key, value in expected.items()},
        HERE / "encodec_expected.safetensors",
    )


if __name__ == "__main__":
    main()
