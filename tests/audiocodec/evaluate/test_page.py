"""The pages do what they are for in a real browser, and ask nobody outside their folder."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from audiocodec.errors import AudioCodecError
from audiocodec.evaluate.clips import list_clips
from audiocodec.evaluate.listening import ListeningTest, write_listening_test
from audiocodec.evaluate.page import write_page
from audiocodec.evaluate.plan import Options, audio_file
from audiocodec.evaluate.report import Report
from audiocodec.evaluate.run import run
from audiocodec.evaluate.systems import LowPassSystem

Page = Any  # of chromium.py, which is loaded by its path


def _browser() -> Any:
    path = Path(__file__).with_name("chromium.py")
    spec = spec_from_file_location("chromium_for_tests", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def report(corpus: Path, tmp_path: Path) -> Report:
    """A run of low-passed copies, with players for two clips, and a name that is hostile."""
    clips = list_clips(corpus, "dev")[:3]
    clips = [replace(clip, listen=i < 2) for i, clip in enumerate(clips)]
    system = LowPassSystem((1000, 2500), name="<img src=x onerror=alert(1)>")
    options = Options(measures=("si_sdr_db", "mel_distance"))
    done = run(clips, [system], tmp_path / "out", options)
    return Report("A try", "codec eval x", None, ("m",), clips, done.results, (), {})


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A browser; without one, the test is skipped."""
    module = _browser()
    program = module.find_chromium()
    if program is None:
        pytest.skip("no Chromium is installed")
    found: Page = module.Page(program, tmp_path / "profile")
    yield found
    found.close()


def assert_clean(page: Page, folder: Path) -> None:
    """Assert that nothing went wrong, and that nothing outside the folder was asked for."""
    assert page.errors == []
    inside = folder.resolve().as_uri()
    outside = [url for url in page.requests if not url.startswith((inside, "data:", "blob:"))]
    assert outside == []


def assert_readable(page: Page) -> None:
    """Assert that everything to be used has a name, and nothing is wider than the window."""
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    used = ("button", "radio", "checkbox", "slider", "combobox", "link", "textbox")
    roles = [
        (n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]
    ]
    assert [role for role, name in roles if role in used and not name.strip()] == []
    assert {"radio", "button"} & {role for role, _ in roles}
    assert page.do("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_is_one_folder(report: Report, tmp_path: Path) -> None:
    place = write_page(report, tmp_path / "out")
    assert place == tmp_path / "out" / "page" / "index.html"
    names = sorted(path.name for path in place.parent.iterdir())
    assert names == [
        "charts.js",
        "data.js",
        "index.html",
        "page.css",
        "page.js",
        "sound.js",
        "sounds",
    ]
    assert sorted(p.name for p in (place.parent / "sounds").iterdir()) == [
        f"{clip}-{version}.js" for clip in (0, 1) for version in (0, 1, 2)
    ]
    text = (place.parent / "data.js").read_text()
    data = json.loads(text.removeprefix("window.EVALUATION=").removesuffix(";\n"))
    assert len(data["results"]) == 6 and data["counts"] == {"speech": 3}
    assert [len(player["versions"]) for player in data["players"]] == [2, 2]
    for asset in place.parent.glob("*.*"):
        assert "http" not in asset.read_text().replace("http://www.w3.org/2000/svg", "")
    write_page(replace(report, clips=report.clips[:1]), tmp_path / "out")
    assert len(list((place.parent / "sounds").iterdir())) == 3  # what was there is gone


def test_a_sound_that_is_gone_is_an_error(report: Report, tmp_path: Path) -> None:
    audio_file(tmp_path / "out", report.clips[0], "reference").unlink()
    with pytest.raises(AudioCodecError):
        write_page(report, tmp_path / "out")


def test_listening_in_a_browser(report: Report, tmp_path: Path, page: Page) -> None:
    place = write_page(report, tmp_path / "out")
    page.open(place)
    page.until("document.getElementById('listen').dataset.ready")
    assert page.do("document.querySelectorAll('#charts svg').length") == 2
    # Their rates are unknown: a line across instead of a point.
    assert page.do("document.querySelectorAll('#charts line[stroke-dasharray]').length") == 4
    page.press(" ")
    page.until("deck.playing && deck.position > 0.05")
    # Switching keeps the place: the clock of the sound goes on with that of the device.
    before, passed = page.do(
        "(async () => { const a = deck.position, t = deck.context.currentTime;"
        "chooseVersion(state.player.versions[1].point); await new Promise(r => setTimeout(r, 60));"
        "const d = deck.duration; return [(deck.position - a + d) % d, "
        "(deck.context.currentTime - t) % d]; })()"
    )
    assert abs(before - passed) < 0.02
    page.press("1")
    assert page.do("state.version === state.player.versions[0].point")
    page.until("deck.voices.get(state.version).gain.gain.value === 1")
    gains = page.do("[...deck.voices.values()].map(v => v.gain.gain.value)")
    assert sorted(gains) == [0, 0, 1]
    page.press("t")
    assert page.do("state.version === state.player.versions[1].point")
    page.press("0")
    assert page.do("state.version") == "reference"
    # The picture of a version against itself is no difference; a low-passed one is too quiet.
    assert page.do("document.getElementById('spec-difference').width") > 100
    page.press(" ")
    page.until("!deck.playing")
    assert_readable(page)
    page.open(place, width=390, height=844, dark=True)
    page.until("document.getElementById('listen').dataset.ready")
    assert_readable(page)
    assert page.do("getComputedStyle(document.body).backgroundColor") == "rgb(18, 20, 23)"
    page.do("document.getElementById('theme').click()")
    assert page.do("getComputedStyle(document.body).backgroundColor") == "rgb(247, 246, 243)"
    _abx(page)
    assert_clean(page, place.parent)


def _abx(page: Page) -> None:
    page.do("document.getElementById('abx-start').click()")
    page.until("state.abx && deck.playing")
    assert page.do("document.getElementById('versions').disabled")
    for key, heard in (("a", "state.abx.a"), ("b", "state.abx.b"), ("x", "state.abx[state.abx.x]")):
        page.press(key)
        assert page.do(f"deck.current === {heard}")
    drawn = set()
    for _ in range(12):
        drawn.add(page.do("state.abx.x"))
        page.press("q" if page.do("state.abx.x") == "a" else "w")
    assert drawn == {"a", "b"}, "X never changed in 12 trials: once in 2000 that is chance"
    score = page.do("document.getElementById('abx-score').textContent")
    assert "12 of 12 right" in score and "under 0.1 %" in score
    page.press("w" if page.do("state.abx.x") == "a" else "q")
    assert "Wrong" in page.do("document.getElementById('abx-score').textContent")
    assert page.do("[state.abx.right, state.abx.trials, chance(9, 10).toFixed(4)]") == [
        12,
        13,
        "0.0107",
    ]
    page.do("document.getElementById('abx-stop').click()")
    assert not page.do("document.getElementById('versions').disabled")


def test_a_listening_test_in_a_browser(report: Report, tmp_path: Path, page: Page) -> None:
    test = ListeningTest("Try", report.clips, report.results)
    place = write_listening_test(test, tmp_path / "out", tmp_path / "test")
    page.open(place, width=390, height=844)
    page.until("document.getElementById('intro').dataset.ready")
    page.do("document.getElementById('begin').click()")
    for at in range(2):
        page.until(f"document.getElementById('trial').dataset.ready === '{at}'")
        assert page.do("document.getElementById('next').disabled")
        assert page.do("document.querySelectorAll('.rating').length") == 3
        for i in range(3):
            page.press(str(i + 1))
            page.do(
                f"(s => {{ s.value = {40 * i + 20}; s.dispatchEvent(new Event('input')); }})"
                f"(document.querySelectorAll('.rating input')[{i}])"
            )
        assert not page.do("document.getElementById('next').disabled")
        page.do("document.getElementById('next').click()")
    assert not page.do("document.getElementById('done').hidden")
    answers = page.do("answers")
    points = {result.point for result in report.results} | {"hidden reference"}
    for clip in report.clips[:2]:
        mine = [answer for answer in answers if answer["clip"] == clip.name]
        assert {answer["condition"] for answer in mine} == points
        assert [answer["rating"] for answer in mine] == [20, 60, 100]
    assert page.do("csv().split('\\n').length") == 8
    assert_clean(page, place.parent)


def test_a_listening_test_does_not_tell(report: Report, tmp_path: Path) -> None:
    test = ListeningTest("Try", report.clips, report.results)
    place = write_listening_test(test, tmp_path / "out", tmp_path / "test")
    text = (place.parent / "data.js").read_text()
    assert "hidden reference" not in text and "low-pass" not in text
    first = json.loads(text.removeprefix("window.LISTENING=").removesuffix(";\n"))
    again = write_listening_test(test, tmp_path / "out", tmp_path / "again")
    second = json.loads((again.parent / "data.js").read_text()[17:-2])
    files = [[c["file"] for c in d["trials"][0]["conditions"]] for d in (first, second)]
    assert files[0] == sorted(files[0]) and not set(files[0]) & set(files[1])
    assert {len(f) for f in files[0]} == {12}
    with pytest.raises(AudioCodecError, match="nothing to compare"):
        write_listening_test(replace(test, results=()), tmp_path / "out", tmp_path / "none")
