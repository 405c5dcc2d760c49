"""Take the README's two pictures of the page, in Chromium: curves.png and page.png.

python docs/evaluation/make_pictures.py
"""

import base64
import sys
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BROWSER = HERE.parents[1] / "tests" / "audiocodec" / "evaluate" / "chromium.py"
WIDTH = 1240


def browser() -> Any:
    """Return the module that the tests drive Chromium with."""
    spec = spec_from_file_location("chromium", BROWSER)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def take(page: Any, name: str, begin: str, end: str) -> None:
    """Save the part of the page from the top of one element to the bottom of another."""
    top = page.do(f"document.querySelector('{begin}').getBoundingClientRect().top + scrollY")
    bottom = page.do(f"document.querySelector('{end}').getBoundingClientRect().bottom + scrollY")
    clip = {"x": 0, "y": top, "width": WIDTH, "height": bottom - top + 16, "scale": 1}
    shot = page.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
    (HERE / name).write_bytes(base64.b64decode(shot["data"]))


def main() -> None:
    """Take both, or say why not."""
    module = browser()
    program = module.find_chromium()
    if program is None:
        sys.exit("no Chromium is installed: curves.png and page.png stay as they are")
    with tempfile.TemporaryDirectory() as profile:
        page = module.Page(program, Path(profile))
        try:
            page.open(HERE / "page" / "index.html", width=WIDTH, height=1000)
            page.until("document.getElementById('listen').dataset.ready")
            take(page, "curves.png", "#curves-title", "#charts figure:nth-child(6)")
            page.do("chooseVersion(state.player.versions[2].point); deck.seek(1.2); tick()")
            take(page, "page.png", "#listen-title", "#pictures")
        finally:
            page.close()


if __name__ == "__main__":
    main()
