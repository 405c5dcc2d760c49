"""--dtype, --compile and --backend: passed on to `load`, and refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import audiocodec

Run = Callable[..., Any]
Write = Callable[..., Path]


def test_bfloat16_encodes_and_decodes(codec: Run, model_folder: Path, write_sound: Write) -> None:
    wav, rate = soundfile.read(write_sound("in.wav"), dtype="float32")
    assert codec("encode", "in.wav", "a.codes", "--dtype", "bfloat16").exit_code == 0
    assert codec("decode", "a.codes", "back.wav", "--dtype", "bfloat16").exit_code == 0
    fast = audiocodec.load(model_folder, dtype="bfloat16")
    codes = audiocodec.Codes.load("a.codes")
    np.testing.assert_array_equal(codes.indices, fast.encode(wav, rate).indices)
    back, _ = soundfile.read("back.wav", dtype="float32")
    np.testing.assert_allclose(back, fast.decode(codes).numpy()[0], atol=1e-4)


@pytest.mark.parametrize("command", ["encode", "decode"])
def test_compile_is_passed_on(
    codec: Run, write_sound: Write, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sound("in.wav")
    assert codec("encode", "in.wav", "in.codes").exit_code == 0
    compiled: list[object] = []
    monkeypatch.setattr("audiocodec.speed.compile_network", compiled.append)
    words = {"encode": ("in.wav", "out.codes"), "decode": ("in.codes", "out.wav")}[command]
    assert codec(command, *words).exit_code == 0 and not compiled
    assert codec(command, *words, "-f", "--compile").exit_code == 0
    assert len(compiled) == 1


def test_compile_without_a_compiler_is_one_line(
    codec: Run, write_sound: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sound("in.wav")
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = codec("encode", "in.wav", "--compile")
    assert done.exit_code == 1 and done.stderr.count("\n") == 1
    assert "C++ compiler" in done.stderr and "no-such-compiler" in done.stderr
    assert not Path("in.codes").exists()


@pytest.mark.parametrize("words", [("--dtype", "bfloat16"), ("--compile",)])
def test_onnx_takes_neither(codec: Run, write_sound: Write, words: tuple[str, ...]) -> None:
    write_sound("in.wav")
    done = codec("encode", "in.wav", "--backend", "onnx", *words)
    assert done.exit_code == 1 and done.stderr.count("\n") == 1
    assert "as it was exported" in done.stderr


@pytest.mark.parametrize("words", [("--dtype", "float16"), ("--backend", "tvm")])
def test_unknown_names_are_wrong_usage(
    codec: Run, write_sound: Write, words: tuple[str, str]
) -> None:
    write_sound("in.wav")
    done = codec("encode", "in.wav", *words)
    assert done.exit_code == 2 and words[1] in done.stderr


@pytest.mark.parametrize("command", ["encode", "decode"])
def test_the_help_shows_them(codec: Run, command: str) -> None:
    shown = codec(command, "--help").stdout
    assert all(word in shown for word in ("--dtype", "bfloat16", "--compile", "--backend"))
