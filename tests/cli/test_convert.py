"""`codec convert`: a folder of TFLite files to a model that encodes."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from audiocodec.errors import AudioCodecError
from audiocodec.families.weights.lyra_tflite import FILES

Run = Callable[..., Any]


@pytest.fixture
def source(lyra_files: ModuleType, place: Path) -> Path:
    folder = place / "model_coeffs"
    folder.mkdir()
    for name, content in zip(FILES, lyra_files.tiny_files(lyra_files.tiny_lyra()), strict=True):
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(("options", "family"), [((), "lyra"), (("--float",), "soundstream")])
def test_every_verb_works_on_the_result(
    options: tuple[str, ...],
    family: str,
    source: Path,
    codec: Run,
    write_sound: Callable[..., Path],
) -> None:
    done = codec("convert", "lyra-tflite", str(source), "lyra", *options)
    assert done.exit_code == 0 and done.stderr.startswith(f"lyra: {family}, 3 levels at 16000 Hz")
    write_sound("in.wav", 4000)
    assert codec("encode", "in.wav", "x.codes", "-n", "2", "--model", "lyra").exit_code == 0
    assert codec("decode", "x.codes", "out.wav", "--model", "lyra").exit_code == 0
    about = codec("info", "lyra").stdout
    assert f"lyra: {family}" in about and "Apache-2.0" in about and FILES[0] in about


def test_a_model_is_replaced_only_when_forced(source: Path, codec: Run) -> None:
    assert codec("convert", "lyra-tflite", str(source), "lyra", "-q").stderr == ""
    again = codec("convert", "lyra-tflite", str(source), "lyra")
    assert again.exit_code == 1 and "pass -f" in again.stderr
    assert codec("convert", "lyra-tflite", str(source), "lyra", "-f").exit_code == 0


def test_missing_and_wrong_files_are_one_line(source: Path, codec: Run) -> None:
    missing = codec("convert", "lyra-tflite", "nowhere", "lyra")
    assert missing.exit_code == 1 and missing.stderr.count("\n") == 1
    assert "cannot read nowhere/soundstream_encoder.tflite" in missing.stderr
    (source / FILES[2]).write_bytes(b"not this")
    wrong = codec("convert", "lyra-tflite", str(source), "lyra")
    assert wrong.exit_code == 1 and "TFL3" in wrong.stderr
    assert issubclass(AudioCodecError, Exception) and not Path("lyra").exists()
