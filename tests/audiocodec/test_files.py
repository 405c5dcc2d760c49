"""Sound files to .codes files and back: what memory gives, all of it or nothing."""

import io
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audiocodec import blocks
from audiocodec.audio.pcm import RawFormat
from audiocodec.audio.read import open_sound
from audiocodec.audio.write import SoundWriter
from audiocodec.bitstream.contents import summary
from audiocodec.codec import Codec
from audiocodec.codes import Codes
from audiocodec.errors import (
    AudioCodecError,
    FormatError,
    NotACodesFile,
    OutputExists,
    UnsupportedAudio,
    UnsupportedLevels,
    WrongModel,
)
from audiocodec.families.soundstream import SoundStreamConfig
from audiocodec.files import Progress, decode_file, encode_file

if TYPE_CHECKING:
    from typing_extensions import Buffer

MakeCodec = Callable[..., Codec]
FloatArray = NDArray[np.float32]


def noise(*shape: int, seed: int = 0) -> FloatArray:
    return (np.random.default_rng(seed).standard_normal(shape) * 0.3).astype(np.float32)


def write_sound(path: Path, wav: FloatArray, rate: int) -> Path:
    with SoundWriter(
        path, sample_rate_hz=rate, channels=len(wav), encoding="float32", overwrite=True
    ) as sound:
        sound.write(wav)
    return path


def read_sound(path: Path) -> tuple[FloatArray, int]:
    with open_sound(path) as sound:
        blocks = list(sound.blocks(1000))
        empty = np.zeros((sound.channels, 0), np.float32)
        return np.concatenate([empty, *blocks], axis=1), sound.sample_rate_hz


class OneWay(io.BytesIO):
    """A stream that cannot go back."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation("seek")


class Pipe(OneWay):
    """Bytes that come once, and not more than 5000 at a time; `seen` is called before."""

    def __init__(self, data: bytes, seen: Callable[[], None] = lambda: None) -> None:
        super().__init__(data)
        self.seen = seen

    def read(self, size: int | None = -1, /) -> bytes:
        self.seen()
        return super().read(5000 if size is None or size < 0 else min(size, 5000))


@settings(max_examples=30, deadline=None)
@given(
    samples=st.sampled_from([0, 1, 2, 15, 16, 17]) | st.integers(0, 3000),
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 192_000])
    | st.integers(8000, 192_000),
    channels=st.integers(1, 8),
    levels=st.integers(1, 3),
)
def test_a_file_is_what_memory_is(
    tiny_codec: Codec,
    tmp_path_factory: pytest.TempPathFactory,
    samples: int,
    rate: int,
    channels: int,
    levels: int,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    wav = noise(channels, samples)
    source = write_sound(folder / "in.wav", wav, rate)
    packed, back = folder / "x.codes", folder / "back.wav"
    report = encode_file(source, packed, codec=tiny_codec, levels=levels, overwrite=True)
    wanted = tiny_codec.encode(wav, rate, levels=levels)
    codes = Codes.load(packed)
    if samples:
        np.testing.assert_array_equal(codes.indices, wanted.indices)
    assert (codes.source, codes.model) == (wanted.source, tiny_codec.identity)
    assert (report.source_samples, report.frames) == (samples, wanted.frames)
    assert (report.sample_rate_hz, report.channels, report.levels) == (rate, channels, levels)
    assert report.bitrate_bps == wanted.bitrate_bps
    assert report.bytes_written == packed.stat().st_size
    assert report.duration_s == samples / rate

    done = decode_file(packed, back, codec=tiny_codec, encoding="float32", overwrite=True)
    found, found_rate = read_sound(back)
    assert found_rate == rate and found.shape == wav.shape
    np.testing.assert_array_equal(found, tiny_codec.decode(wanted).numpy())
    assert (done.samples, done.sample_rate_hz, done.channels) == (samples, rate, channels)
    assert (done.frames, done.levels) == (wanted.frames, levels if samples else 0)
    assert done.gaps == () and done.clipped_samples == 0
    assert done.peak == (float(np.abs(found).max()) if samples else 0)


@pytest.mark.parametrize("block_frames", [3, 16, 5000])
def test_the_size_of_blocks_does_not_show(
    tiny_codec: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_frames: int
) -> None:
    source = write_sound(tmp_path / "in.wav", noise(2, 9000), 11025)
    encode_file(source, tmp_path / "default.codes", codec=tiny_codec)
    monkeypatch.setattr(blocks, "BLOCK_FRAMES", block_frames)
    encode_file(source, tmp_path / "other.codes", codec=tiny_codec)
    assert (tmp_path / "default.codes").read_bytes() == (tmp_path / "other.codes").read_bytes()


def test_pipes_give_the_same_as_files(tiny_codec: Codec, tmp_path: Path) -> None:
    wav = noise(2, 20000)
    source = write_sound(tmp_path / "in.wav", wav, 16000)
    encode_file(source, tmp_path / "x.codes", codec=tiny_codec)
    decode_file(tmp_path / "x.codes", tmp_path / "back.raw", codec=tiny_codec)

    raw = RawFormat(16000, 2, "f32le")
    packed, back = OneWay(), OneWay()
    bare = Pipe(np.ascontiguousarray(wav.T).tobytes())
    report = encode_file(bare, packed, codec=tiny_codec, raw=raw)
    assert report.bytes_written == len(packed.getvalue())
    found = summary(io.BytesIO(packed.getvalue()))
    assert found.header.source_samples is None  # it was not known when it was written
    assert found.source_samples == 20000
    piped = Pipe(packed.getvalue())
    done = decode_file(piped, back, codec=tiny_codec, container="raw")
    assert done.samples == 20000 and done.gaps == ()
    assert back.getvalue() == (tmp_path / "back.raw").read_bytes()


def test_a_live_stream_does_not_wait_for_its_end(tiny_codec: Codec) -> None:
    packed = OneWay()
    sizes: list[int] = []
    # Ten seconds, of which codes must come out long before the last sample went in.
    data = noise(80000).astype("<f4").tobytes()
    source = Pipe(data, lambda: sizes.append(len(packed.getvalue())))
    encode_file(source, packed, codec=tiny_codec, raw=RawFormat(8000, 1, "f32le"))
    assert len(set(sizes)) >= 9
    middle = packed.getvalue()[: sizes[len(sizes) // 2]]
    assert summary(io.BytesIO(middle)).frames >= 4 * 500


def test_a_live_stream_is_heard_before_its_end(tiny_codec: Codec, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", noise(1, 80000), 8000)
    encode_file(source, tmp_path / "x.codes", codec=tiny_codec)
    back, sizes = OneWay(), list[int]()
    pipe = Pipe((tmp_path / "x.codes").read_bytes(), lambda: sizes.append(len(back.getvalue())))
    decode_file(pipe, back, codec=tiny_codec)
    assert len(set(sizes)) >= 3 and len(back.getvalue()) == 80 + 2 * 80000


def test_buffered_streams_are_flushed_on_the_way(tiny_codec: Codec, tmp_path: Path) -> None:
    sink, sizes = Sink(), list[int]()
    buffered = io.BufferedWriter(sink, 1 << 20)
    source = Pipe(noise(80000).astype("<f4").tobytes(), lambda: sizes.append(sink.count))
    encode_file(source, buffered, codec=tiny_codec, raw=RawFormat(8000, 1, "f32le"))
    assert len(set(sizes)) >= 9
    encode_file(
        write_sound(tmp_path / "in.wav", noise(1, 80000), 8000),
        tmp_path / "x.codes",
        codec=tiny_codec,
    )
    sizes.clear()
    pipe = Pipe((tmp_path / "x.codes").read_bytes(), lambda: sizes.append(sink.count))
    decode_file(pipe, buffered, codec=tiny_codec)
    assert len(set(sizes)) >= 3


def test_streams_stay_open(tiny_codec: Codec, tmp_path: Path) -> None:
    source = io.BytesIO(write_sound(tmp_path / "in.wav", noise(1, 800), 8000).read_bytes())
    packed, back = io.BytesIO(), io.BytesIO()
    encode_file(source, packed, codec=tiny_codec)
    packed.seek(0)
    decode_file(packed, back, codec=tiny_codec)
    assert not (source.closed or packed.closed or back.closed)


def test_channels_can_be_mixed_down(tiny_codec: Codec, tmp_path: Path) -> None:
    wav = noise(3, 2000)
    source = write_sound(tmp_path / "in.wav", wav, 8000)
    report = encode_file(source, tmp_path / "x.codes", codec=tiny_codec, mono=True)
    codes = Codes.load(tmp_path / "x.codes")
    wanted = tiny_codec.encode(wav.mean(axis=0, keepdims=True))
    np.testing.assert_array_equal(codes.indices, wanted.indices)
    assert report.channels == codes.source.channels == 1
    assert report.bitrate_bps == 6000


def test_bit_rates_are_those_of_one_channel(tiny_codec: Codec, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", noise(2, 2000), 8000)
    report = encode_file(source, tmp_path / "x.codes", codec=tiny_codec, bitrate_bps=5000)
    assert report.levels == 2 and report.bitrate_bps == 8000


def test_fewer_levels_can_be_decoded(tiny_codec: Codec, tmp_path: Path) -> None:
    wav = noise(1, 3000)
    source, packed = write_sound(tmp_path / "in.wav", wav, 8000), tmp_path / "x.codes"
    encode_file(source, packed, codec=tiny_codec, levels=2)
    report = decode_file(packed, tmp_path / "b.wav", codec=tiny_codec, levels=1, encoding="float32")
    assert report.levels == 1
    found, _ = read_sound(tmp_path / "b.wav")
    np.testing.assert_array_equal(found, tiny_codec.decode(Codes.load(packed), levels=1).numpy())


def test_levels_can_be_read_one_by_one(tiny_codec: Codec, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", noise(1, 16000), 8000)
    sizes = []
    for layer_levels in (4, 1):
        packed = tmp_path / f"{layer_levels}.codes"
        encode_file(source, packed, codec=tiny_codec, layer_levels=layer_levels)
        sizes.append(packed.stat().st_size)
        data = bytearray(packed.read_bytes())
        with packed.open("rb") as file:
            found = summary(file)
        # The last chunk's last level is behind everything else of that chunk.
        place = data.rindex(b"\xd5T") - 5
        data[place] ^= 1
        (tmp_path / "damaged.codes").write_bytes(data)
        report = decode_file(
            tmp_path / "damaged.codes",
            tmp_path / "b.wav",
            codec=tiny_codec,
            levels=1,
            overwrite=True,
        )
        assert bool(report.gaps) == (layer_levels == 4), "damage of a level that nobody asked for"
    assert sizes[1] == sizes[0] + found.chunks * 2 * 4 + 3, "crcs, and a field of the header"


@pytest.mark.parametrize(("levels", "message"), [(3, "codes hold 2"), (4, "1 to 3"), (0, "1 to 3")])
def test_levels_that_are_not_there_are_refused(
    tiny_codec: Codec, tmp_path: Path, levels: int, message: str
) -> None:
    source = write_sound(tmp_path / "in.wav", noise(1, 3000), 8000)
    encode_file(source, tmp_path / "x.codes", codec=tiny_codec, levels=2)
    with pytest.raises(UnsupportedLevels, match=message):
        decode_file(tmp_path / "x.codes", tmp_path / "b.wav", codec=tiny_codec, levels=levels)
    assert not (tmp_path / "b.wav").exists()


def test_progress_reaches_the_end(tiny_codec: Codec, tmp_path: Path) -> None:
    seen: list[Progress] = []
    source = write_sound(tmp_path / "in.wav", noise(1, 44100), 8000)
    encode_file(source, tmp_path / "x.codes", codec=tiny_codec, progress=seen.append)
    assert [p.total_s for p in seen] == [44100 / 8000] * len(seen) and len(seen) >= 3
    assert sorted(p.done_s for p in seen)[-1] == seen[-1].done_s == 44100 / 8000
    seen.clear()
    decode_file(tmp_path / "x.codes", tmp_path / "b.wav", codec=tiny_codec, progress=seen.append)
    assert all(p.total_s == 44100 / 8000 for p in seen) and len(seen) >= 3
    assert 5 < seen[-1].done_s <= 44100 / 8000
    seen.clear()
    raw = RawFormat(8000, 1)
    encode_file(Pipe(bytes(4000)), OneWay(), codec=tiny_codec, raw=raw, progress=seen.append)
    assert seen == [Progress(0.25, None)]


def test_metadata_is_kept(tiny_codec: Codec, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", noise(1, 100), 8000)
    encode_file(source, tmp_path / "x.codes", codec=tiny_codec, metadata={"title": "Nöise"})
    with (tmp_path / "x.codes").open("rb") as file:
        assert summary(file).header.metadata == (("title", "Nöise"),)


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def bad_number(folder: Path) -> Path:
    wav = noise(2, 20000)
    wav[1, 17000] = np.nan
    soundfile.write(folder / "in.wav", wav.T, 8000, subtype="FLOAT")
    return folder / "in.wav"


def truncated(folder: Path) -> Path:
    path = write_sound(folder / "in.wav", noise(1, 20000), 8000)
    path.write_bytes(path.read_bytes()[:-5000])
    return path


def no_sound(folder: Path) -> Path:
    (folder / "in.wav").write_bytes(b"")
    return folder / "in.wav"


def missing(folder: Path) -> Path:
    return folder / "nothing.wav"


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (bad_number, r"in.wav: .* sample 17000 \(2.125000 s\) of channel 1"),
        (truncated, "in.wav: truncated"),
        (no_sound, "in.wav: .* empty"),
        (missing, "nothing.wav: there is no such file"),
    ],
)
def test_a_bad_sound_leaves_nothing_behind(
    tiny_codec: Codec,
    tmp_path: Path,
    make: Callable[[Path], Path],
    message: str,
    there: bool,
) -> None:
    source, target = make(tmp_path), tmp_path / "x.codes"
    if there:
        target.write_bytes(b"mine")
    before = everything_in(tmp_path)
    with pytest.raises(UnsupportedAudio, match=message):
        encode_file(source, target, codec=tiny_codec, overwrite=True)
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"levels": 4}, UnsupportedLevels),
        ({"bitrate_bps": 10}, UnsupportedLevels),
        ({"metadata": {"NO": "x"}}, FormatError),
        ({"overwrite": False}, OutputExists),
    ],
)
def test_a_bad_wish_leaves_the_target_alone(
    tiny_codec: Codec, tmp_path: Path, options: dict[str, object], kind: type[Exception]
) -> None:
    source = write_sound(tmp_path / "in.wav", noise(1, 1000), 8000)
    (tmp_path / "x.codes").write_bytes(b"mine")
    before = everything_in(tmp_path)
    with pytest.raises(kind):
        encode_file(
            source,
            tmp_path / "x.codes",
            codec=tiny_codec,
            **{"overwrite": True} | options,  # type: ignore[arg-type]
        )
    assert everything_in(tmp_path) == before


def test_an_interrupt_leaves_the_target_alone(tiny_codec: Codec, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done_s > 2:
            raise KeyboardInterrupt

    source = write_sound(tmp_path / "in.wav", noise(1, 40000), 8000)
    for name in ("x.codes", "b.wav"):
        (tmp_path / name).write_bytes(b"mine")
    encode_file(source, tmp_path / "whole.codes", codec=tiny_codec)
    before = everything_in(tmp_path)
    options = {"codec": tiny_codec, "overwrite": True, "progress": interrupt}
    with pytest.raises(KeyboardInterrupt):
        encode_file(source, tmp_path / "x.codes", **options)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        decode_file(tmp_path / "whole.codes", tmp_path / "b.wav", **options)  # type: ignore[arg-type]
    assert everything_in(tmp_path) == before


def test_an_existing_sound_is_kept_before_the_model_is_loaded(
    tiny_codec: Codec, tmp_path: Path
) -> None:
    source = write_sound(tmp_path / "in.wav", noise(1, 100), 8000)
    encode_file(source, tmp_path / "x.codes", codec=tiny_codec)
    # A model that is not there, so that the order of the checks shows.
    with pytest.raises(OutputExists):
        encode_file(source, tmp_path / "x.codes", model="no such model")
    with pytest.raises(OutputExists):
        decode_file(tmp_path / "x.codes", source, model="no such model")


def test_the_input_is_never_its_own_output(tiny_codec: Codec, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", noise(1, 100), 8000)
    (tmp_path / "link.wav").symlink_to(source)
    before = source.read_bytes()
    for target in (source, tmp_path / "link.wav"):
        with pytest.raises(AudioCodecError, match="is the input itself"):
            encode_file(source, target, codec=tiny_codec, overwrite=True)
    with pytest.raises(AudioCodecError, match="is the input itself"):
        decode_file(source, source, codec=tiny_codec, overwrite=True)
    assert source.read_bytes() == before


@pytest.mark.parametrize("name", ["sound.wav", "missing.codes", "folder.codes"])
def test_what_is_no_codes_file_is_refused_by_name(
    tiny_codec: Codec, tmp_path: Path, name: str
) -> None:
    write_sound(tmp_path / "sound.wav", noise(1, 100), 8000)
    (tmp_path / "folder.codes").mkdir()
    with pytest.raises(AudioCodecError, match=name) as caught:
        decode_file(tmp_path / name, tmp_path / "b.wav", codec=tiny_codec)
    assert isinstance(caught.value, NotACodesFile) == (name == "sound.wav")
    assert not (tmp_path / "b.wav").exists()


def test_other_weights_are_refused_by_name(make_tiny_codec: MakeCodec, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", noise(1, 1000), 8000)
    encode_file(source, tmp_path / "x.codes", codec=make_tiny_codec(name="theirs"))
    ours = make_tiny_codec(seed=1, name="ours")
    with pytest.raises(WrongModel, match="x.codes: .* theirs .* ours"):
        decode_file(tmp_path / "x.codes", tmp_path / "b.wav", codec=ours)
    report = decode_file(tmp_path / "x.codes", tmp_path / "b.wav", codec=ours, force_model=True)
    assert report.samples == 1000


def test_a_batch_fits_no_sound_file(tiny_codec: Codec, tmp_path: Path) -> None:
    tiny_codec.encode(noise(3, 2, 100)).save(tmp_path / "x.codes")
    with pytest.raises(UnsupportedAudio, match="batch of 3 sounds"):
        decode_file(tmp_path / "x.codes", tmp_path / "b.wav", codec=tiny_codec)


def test_clipping_is_counted(tiny_codec: Codec, tmp_path: Path) -> None:
    codes = tiny_codec.encode(noise(1, 4000) * 30)
    loud = tiny_codec.decode(codes).numpy()
    codes.save(tmp_path / "x.codes")
    report = decode_file(tmp_path / "x.codes", tmp_path / "b.wav", codec=tiny_codec)
    assert report.clipped_samples == int((np.abs(loud) > 1).sum())
    assert report.peak == float(np.abs(loud).max())


def test_reports_say_how_fast(tiny_codec: Codec, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", noise(1, 8000), 8000)
    report = encode_file(source, tmp_path / "x.codes", codec=tiny_codec)
    assert report.real_time_factor == pytest.approx(1 / report.elapsed_s)
    done = decode_file(tmp_path / "x.codes", tmp_path / "b.wav", codec=tiny_codec)
    assert done.real_time_factor == pytest.approx(1 / done.elapsed_s)


class EndlessNoise(OneWay):
    """Bare 16-bit samples, made when they are asked for."""

    def __init__(self, samples: int) -> None:
        super().__init__()
        self.left = 2 * samples
        self.second = (noise(8000) * 32767).astype("<i2").tobytes()

    def read(self, size: int | None = -1, /) -> bytes:
        data = self.second[: min(size or 0, self.left)]
        self.left -= len(data)
        return data


class Sink(OneWay):
    """An output that only counts."""

    count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "Buffer", /) -> int:
        size = memoryview(data).nbytes
        self.count += size
        return size


def slow_frames(make_tiny_codec: MakeCodec) -> Codec:
    """Return a codec with 5 frames a second: quick, for long sounds."""
    config = SoundStreamConfig(
        sample_rate_hz=8000,
        patch_samples=800,
        stem_kernel=800,
        strides=(2,),
        encoder_channels=(4, 4),
        decoder_channels=(4, 4),
        unit_kernel=3,
        dilations=(1,),
        latent_dim=4,
        levels=3,
        codebook_size=16,
    )
    return make_tiny_codec(config)


def peak_bytes(codec: Codec, seconds: int, folder: Path) -> tuple[int, int]:
    """Return the most memory that encoding and decoding took, numpy's arrays counted."""
    tracemalloc.start()
    try:
        source = EndlessNoise(8000 * seconds)
        encode_file(source, folder / "x.codes", codec=codec, raw=RawFormat(8000, 1), overwrite=True)
        encoding = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        sink = Sink()
        decode_file(folder / "x.codes", sink, codec=codec)
        assert sink.count == 80 + 16000 * seconds
        return encoding, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_length(make_tiny_codec: MakeCodec, tmp_path: Path) -> None:
    codec = slow_frames(make_tiny_codec)
    peak_bytes(codec, 5, tmp_path)  # what is loaded once
    short, long = peak_bytes(codec, 20, tmp_path), peak_bytes(codec, 600, tmp_path)
    # The 580 s more are 19 MB as float32.
    assert max(short) < 4 << 20
    assert long[0] < short[0] + (1 << 20) and long[1] < short[1] + (1 << 20)


@pytest.mark.slow
def test_an_hour_takes_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    """In a process of its own, so that torch's memory counts and other tests' does not."""
    pytest.importorskip("resource")
    program = f"""
import resource, runpy, sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
tests = runpy.run_path({os.fspath(Path(__file__))!r})
make = runpy.run_path({os.fspath(Path(__file__).parents[1] / "tiny.py")!r})["tiny_codec"]
codec, folder = tests["slow_frames"](make), Path({os.fspath(tmp_path)!r})
for seconds in (60, 3600):
    source = tests["EndlessNoise"](8000 * seconds)
    raw = tests["RawFormat"](8000, 1)
    tests["encode_file"](source, folder / "x.codes", codec=codec, raw=raw, overwrite=True)
    tests["decode_file"](folder / "x.codes", tests["Sink"](), codec=codec)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    minute, hour = (int(line) for line in done.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024
    # An hour is 115 MB as float32.
    assert (hour - minute) * unit < 10 << 20
