"""Cut a .codes file down to fewer levels, without loading torch: cut_codes.py IN.WAV."""

import subprocess
import sys
from pathlib import Path

import audiocodec


def main(path: str) -> None:
    """Encode the sound in another process, then work on its codes in this one."""
    command = [sys.executable, "-m", "audiocodec.cli", "encode", "-f", path, "full.codes"]
    subprocess.run(command, check=True)
    codes = audiocodec.Codes.load("full.codes")
    for levels in range(1, codes.levels + 1):
        cut = codes.truncate(levels=levels)
        cut.save(f"{levels}.codes")
        size = Path(f"{levels}.codes").stat().st_size
        print(f"{levels} levels: {cut.bitrate_bps / 1000:g} kbps, {size} bytes")
    if "torch" in sys.modules:
        raise RuntimeError("torch was loaded, and this example claims that it is not")


if __name__ == "__main__":
    main(sys.argv[1])
