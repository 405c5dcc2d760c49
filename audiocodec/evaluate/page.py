"""The page of a run: one folder that opens from disk, and asks nothing of anybody outside it."""

import base64
import json
import shutil
from collections import Counter
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import numpy as np

from audiocodec.atomic import atomic_output
from audiocodec.errors import AudioCodecError

from .clips import Clip, read_sound
from .measures import MEASURES
from .plan import REFERENCE, audio_file
from .report import Report, as_table
from .results import Result

PAGE = "page"
ASSETS = ("index.html", "page.css", "sound.js", "charts.js", "page.js")
_SOUNDS = "sounds"
_WAVE_COLUMNS = 60


def write_page(report: Report, folder: Path) -> Path:
    """Write `folder`/page with the sounds that the run kept in `folder`/audio; return index.html.

    Sounds are FLAC in script files, because a page that is opened from disk may load scripts but
    not read files. What an earlier page left is replaced. Raises AudioCodecError.
    """
    page = new_page_folder(folder / PAGE, ASSETS)
    players: list[dict[str, object]] = []
    for clip in report.clips:
        if clip.listen:
            results = [result for result in report.results if result.clip == clip.name]
            players.append(_player(clip, results, folder, page, number=len(players)))
    heard = {clip.name: clip for clip in report.clips}
    table = as_table(report)
    data = {
        **{key: table[key] for key in ("title", "command", "seconds", "models", "warnings")},
        "means": table["means"],
        "usage": table["usage"],
        "results": _rounded(report.results),
        "measures": {
            name: {
                "title": m.title,
                "unit": m.unit,
                "better": m.better,
                "digits": m.digits,
                "about": m.about,
            }
            for name, m in MEASURES.items()
        },
        "counts": Counter(clip.category for clip in report.clips if clip.counts),
        "categories": {clip.name: clip.category for clip in report.clips},
        "waves": {name: _wave(clip, report.seconds) for name, clip in heard.items()},
        "players": players,
    }
    write_data(page / "data.js", "EVALUATION", data)
    return page / "index.html"


def new_page_folder(page: Path, assets: Iterable[str]) -> Path:
    """Make a page's folder anew, with what the package has for it. Raises AudioCodecError."""
    try:
        shutil.rmtree(page / _SOUNDS, ignore_errors=True)
        (page / _SOUNDS).mkdir(parents=True)
    except OSError as error:
        raise AudioCodecError(f"cannot make {page}: {error.strerror}") from error
    site = files("audiocodec.evaluate") / "site"
    for name in assets:
        with atomic_output(page / name, overwrite=True) as file:
            file.write((site / name).read_bytes())
    return page


def write_data(path: Path, name: str, data: object) -> None:
    """Write a script file that sets window.NAME. Raises AudioCodecError."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    with atomic_output(path, overwrite=True) as file:
        # Line and paragraph separators end lines in old JavaScript, and JSON has them bare.
        file.write(f"window.{name}={text};\n".encode())


def write_sound(page: Path, name: str, source: Path) -> str:
    """Put a FLAC file into a script file of the page; return the name that it is loaded by."""
    try:
        data = base64.b64encode(source.read_bytes()).decode()
    except OSError as error:
        raise AudioCodecError(f"cannot read {source}: {error.strerror}; run again") from error
    with atomic_output(page / _SOUNDS / f"{name}.js", overwrite=True) as file:
        file.write(f'soundLoaded("{name}","{data}");\n'.encode())
    return name


def _player(
    clip: Clip, results: list[Result], folder: Path, page: Path, *, number: int
) -> dict[str, object]:
    reference = audio_file(folder, clip, REFERENCE)
    versions: list[dict[str, object]] = []
    for result in results:
        source = audio_file(folder, clip, result.point)
        if source.exists():
            file = write_sound(page, f"{number}-{len(versions) + 1}", source)
            versions.append({"point": result.point, "system": result.system, "file": file})
    return {
        "clip": clip.name,
        "title": Path(clip.name).stem,
        "category": clip.category,
        "rate": read_sound(reference).sample_rate_hz,
        "file": write_sound(page, f"{number}-0", reference),
        "versions": versions,
    }


def _rounded(results: Iterable[Result]) -> list[dict[str, object]]:
    return [
        {
            "clip": r.clip,
            "system": r.system,
            "label": r.label,
            "seconds": round(r.seconds, 3),
            "payload_bytes": r.payload_bytes,
            "verdict": r.verdict,
            "message": r.message,
            "measures": {name: round(number, 4) for name, number in r.measures.items()},
        }
        for r in results
    ]


def _wave(clip: Clip, seconds: float | None) -> list[float]:
    """Return the peaks of a clip in `_WAVE_COLUMNS` stretches; none where it cannot be read."""
    try:
        wav = read_sound(clip.path, seconds).wav
    except AudioCodecError:
        return []
    parts = np.array_split(np.abs(wav), _WAVE_COLUMNS)
    return [round(float(part.max()), 3) if len(part) else 0.0 for part in parts]
