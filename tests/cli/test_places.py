"""Which file becomes which."""

import os
from pathlib import Path

import pytest
from audiocodec.cli.options import WrongUsage
from audiocodec.cli.places import Job, Kind, is_device, plan

from audiocodec.errors import AudioCodecError

KIND = Kind(frozenset({".wav", ".flac"}), "sound files", ".codes")


def make(place: Path, *names: str) -> None:
    for name in names:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def pairs(words: list[str], output: str | None = None) -> list[tuple[str, str]]:
    return [(job.source, job.target) for job in plan(words, output, KIND)]


@pytest.mark.parametrize(
    ("words", "output", "expected"),
    [
        (["a.wav"], None, ("a.wav", "a.codes")),
        (["sub/a.b.wav"], None, ("sub/a.b.wav", "sub/a.b.codes")),
        (["noname"], None, ("noname", "noname.codes")),
        (["a.wav", "x.bin"], None, ("a.wav", "x.bin")),
        (["a.wav"], "x.codes", ("a.wav", "x.codes")),
        (["a.wav", "-"], None, ("a.wav", "-")),
        (["-", "x.codes"], None, ("-", "x.codes")),
        (["-"], None, ("-", "-")),
        (["a.wav", "new/"], None, ("a.wav", "new/a.codes")),
        (["a.wav"], "sub", ("a.wav", "sub/a.codes")),
    ],
)
def test_one_input(
    place: Path, words: list[str], output: str | None, expected: tuple[str, str]
) -> None:
    make(place, "a.wav", "sub/a.b.wav", "noname")
    assert pairs(words, output) == [expected]


@pytest.mark.parametrize("words", [["a.wav", "b.flac", "out/"], ["a.wav", "b.flac", "there"]])
def test_several_inputs_go_into_the_last_folder(place: Path, words: list[str]) -> None:
    make(place, "a.wav", "b.flac", "there/else.txt")
    folder = words[-1].rstrip("/")
    assert pairs(words) == [("a.wav", f"{folder}/a.codes"), ("b.flac", f"{folder}/b.codes")]


def test_trees_are_mirrored_in_order_and_only_known_suffixes_are_taken(place: Path) -> None:
    make(place, "in/b.wav", "in/deep er/ä.FLAC", "in/notes.txt", "in/.hidden/c.wav", "in/x.codes")
    expected = [
        ("in/.hidden/c.wav", "out/.hidden/c.codes"),
        ("in/b.wav", "out/b.codes"),
        ("in/deep er/ä.FLAC", "out/deep er/ä.codes"),
    ]
    assert pairs(["in"], "out") == expected
    assert pairs(["in", "out/"]) == expected
    assert pairs(["in", "out"]) == expected  # nothing else can be meant
    assert not (place / "out").exists(), "planning writes nothing"


@pytest.mark.parametrize(
    ("words", "output", "why"),
    [
        (["a.wav", "b.wav"], None, "several inputs"),
        (["a.wav", "b.wav", "c.codes"], None, "several inputs"),
        (["in"], None, "a folder"),
        (["in", "a.wav"], None, "a folder"),
        (["a.wav", "b.wav"], "-", "several inputs"),
        (["a.wav"], "b.wav", "named like"),
        (["-", "a.wav"], "out", "standard input has no name"),
        ([""], None, "empty"),
        (["a.wav"], "", "empty"),
    ],
)
def test_wrong_usage(place: Path, words: list[str], output: str | None, why: str) -> None:
    make(place, "a.wav", "b.wav", "in/c.wav")
    with pytest.raises(WrongUsage, match=why):
        plan(words, output, KIND)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["a.wav", "a.flac", "out/"], "a.wav and a.flac would both become out/a.codes"),
        (["a.wav", "a.wav", "out/"], "both become"),
        (["a.wav", "in", "out/"], "both become"),
        (["nosuch.wav"], "there is no such file"),
        (["empty", "out/"], "no sound files in empty; .*flac .wav"),
    ],
)
def test_refused(place: Path, words: list[str], why: str) -> None:
    make(place, "a.wav", "a.flac", "in/a.wav", "empty/notes.txt")
    with pytest.raises(AudioCodecError, match=why):
        plan(words, None, KIND)


@pytest.mark.parametrize("other", ["a.codes", "./a.codes", "sub/../a.codes"])
def test_no_output_replaces_an_input(place: Path, other: str) -> None:
    make(place, "a.codes", "a.wav", "sub/b.wav")
    with pytest.raises(AudioCodecError, match="would replace an input"):
        plan(["a.codes"], other, KIND)
    with pytest.raises(AudioCodecError, match="would replace an input"):
        plan(["sub/b.wav", "a.wav"], "./", Kind(KIND.inputs, "sound files", ".wav"))


def test_a_link_does_not_lead_out_of_the_folder(place: Path) -> None:
    make(place, "in/sub/a.wav", "elsewhere/b")
    (place / "out").mkdir()
    (place / "out/sub").symlink_to(place / "elsewhere")
    with pytest.raises(AudioCodecError, match="outside of out"):
        plan(["in"], "out", KIND)
    (place / "link").symlink_to(place / "elsewhere")  # one that was named is meant
    assert pairs(["in"], "link") == [("in/sub/a.wav", "link/sub/a.codes")]


def test_a_folder_in_the_way_of_a_mirrored_one(place: Path) -> None:
    make(place, "out")
    with pytest.raises(AudioCodecError, match="cannot make the folder out/sub"):
        Job("in/sub/a.wav", "out/sub/a.codes", mirrored=True).make_folder()


def test_devices(place: Path) -> None:
    make(place, "a.wav")
    assert is_device(os.devnull)
    assert not is_device("a.wav") and not is_device("nosuch") and not is_device(".")
