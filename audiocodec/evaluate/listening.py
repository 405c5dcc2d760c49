"""A listening test as a page, after ITU-R BS.1534 (MUSHRA), for people who do it with people."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

from audiocodec.errors import AudioCodecError

from .clips import Clip, read_sound
from .page import new_page_folder, write_data, write_sound
from .plan import REFERENCE, audio_file
from .results import Result

ASSETS = ("listening.html", "page.css", "sound.js", "charts.js", "listening.js")
ANCHOR_HZ = 3500
MOST_CONDITIONS = 12
"""BS.1534 advises no more, hidden reference and anchors counted: people tire."""


@dataclass(frozen=True, slots=True)
class ListeningTest:
    """What is compared: clips and the results of a run that made their copies."""

    title: str
    clips: list[Clip]
    results: tuple[Result, ...]


def write_listening_test(test: ListeningTest, work: Path, page: Path) -> Path:
    """Write the folder `page` from the sounds that a run kept in `work`; return its HTML file.

    Sounds have names of chance, and what they are is not in plain text, so that neither the page
    nor a glance at its folder tells. Raises AudioCodecError where nothing is to be compared.
    """
    new_page_folder(page, ASSETS)
    trials = [trial for clip in test.clips if (trial := _trial(clip, test.results, work, page))]
    if not trials:
        raise AudioCodecError("there is nothing to compare: no clip has a copy that can be heard")
    data = {"id": secrets.token_hex(4), "title": test.title, "trials": trials}
    write_data(page / "data.js", "LISTENING", data)
    return page / "listening.html"


def _trial(
    clip: Clip, results: tuple[Result, ...], work: Path, page: Path
) -> dict[str, object] | None:
    reference = audio_file(work, clip, REFERENCE)
    sources = {
        result.point: audio_file(work, clip, result.point)
        for result in results
        if result.clip == clip.name
    }
    there = {name: source for name, source in sources.items() if source.exists()}
    if not there or not reference.exists():
        return None
    conditions = [
        {"file": write_sound(page, secrets.token_hex(6), source), "name": _veiled(name)}
        for name, source in {**there, f"hidden {REFERENCE}": reference}.items()
    ]
    return {
        "clip": clip.name,
        "rate": read_sound(reference).sample_rate_hz,
        "reference": write_sound(page, secrets.token_hex(6), reference),
        # In the order of names of chance, which says nothing.
        "conditions": sorted(conditions, key=lambda condition: condition["file"]),
    }


def _veiled(name: str) -> str:
    return base64.b64encode(name.encode()).decode()
