"""`codec export`, and encoding and decoding by what it wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import audiocodec

Run = Callable[..., Any]


def test_export_and_use(codec: Run, model_folder: Path, write_sound: Callable[..., Path]) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    done = codec("export", str(model_folder), "onnx")
    assert done.exit_code == 0
    lines = done.stderr.splitlines()
    assert lines[0].startswith("onnx/encoder.onnx: ") and len(lines) == 5
    assert lines[4].startswith("checked against torch: ") and "by steps" in lines[4]
    write_sound("in.wav")
    by_onnx = ("--model", "onnx", "--backend", "onnx")
    assert codec("encode", "in.wav", "a.codes", *by_onnx).exit_code == 0
    assert codec("encode", "in.wav", "b.codes").exit_code == 0
    first, second = (audiocodec.Codes.load(name) for name in ("a.codes", "b.codes"))
    assert first.model == second.model and first.source == second.source
    assert (first.indices == second.indices).mean() > 0.98
    assert codec("decode", "b.codes", "back.wav", *by_onnx).exit_code == 0
    again = codec("export", str(model_folder), "onnx")
    assert again.exit_code == 1 and "exists already" in again.stderr
    done = codec("encode", "in.wav", "c.codes", "--backend", "onnx")
    assert done.exit_code == 1 and "codec export" in done.stderr
