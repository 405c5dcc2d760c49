"""What standard error looks like."""

import io
from types import SimpleNamespace

import pytest
from audiocodec.cli import console as console_module
from audiocodec.cli.console import Console, Meter, columns, factor, printable, say
from audiocodec.cli.units import count, kbps, seconds, size

from audiocodec.files import Progress


def test_printable_is_one_line_that_cannot_steer_a_terminal() -> None:
    assert printable("plain ü 日本 \n\t\x1b[2J\u202e\udc80") == (
        "plain ü 日本 \\n\\t\\x1b[2J\\u202e\\udc80"
    )


def test_columns_of_wide_and_combining_characters() -> None:
    assert columns("ab") == 2
    assert columns("日本") == 4
    assert columns("u\u0308") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """Return every state of the line, as a terminal that overwrites shows it."""
        states, line = [], ""
        for part in self.getvalue().split("\r"):
            line = part + line[len(part) :]
            states.append(line.rstrip())
        return states


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal()
    # Not sys.stderr itself: pytest puts its own there before the test runs.
    monkeypatch.setattr(console_module, "sys", SimpleNamespace(stderr=terminal))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    return terminal


def test_the_meter_draws_over_itself_and_leaves_nothing(terminal: Terminal) -> None:
    with Console(quiet=False).meter("in.wav") as meter:
        meter.update(Progress(5.0, 10.0))
        meter.update(Progress(5.1, 10.0))  # too soon to be drawn
        meter.draw("short")
    states = terminal.lines()
    assert states[1].startswith("in.wav  [########--------]  50% of 10.0 s, ")
    assert states[1].endswith("x real time")
    assert states[2:] == ["in.wav  short", "", ""]
    assert "\n" not in terminal.getvalue()


def test_an_unknown_length_is_counted(terminal: Terminal) -> None:
    with Console(quiet=False).meter("live") as meter:
        meter.update(Progress(5.0, None))
    assert terminal.lines()[1].startswith("live  5.0 s, ")


@pytest.mark.parametrize("width", [1, 20, 50, 80])
def test_the_meter_never_wraps(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    with Console(quiet=False).meter("a very long name " + "日" * 40) as meter:
        meter.update(Progress(5.0, 10.0))
    assert terminal.getvalue()
    assert max(map(columns, terminal.lines())) < max(width, 2)


def test_no_meter_when_quiet_or_on_a_dumb_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for quiet, kind in ((True, "xterm"), (False, "dumb")):
        monkeypatch.setenv("TERM", kind)
        with Console(quiet).meter("in.wav") as meter:
            meter.update(Progress(5.0, 10.0))
    assert terminal.getvalue() == ""


def test_no_meter_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with Console(quiet=False).status("loading") as _:
        pass
    Meter("x", shown=False).draw("y")
    assert capsys.readouterr() == ("", "")


def test_quiet_keeps_errors(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(quiet=True)
    console.note("a note")
    console.result("a result")
    say("an error")
    assert capsys.readouterr() == ("", "codec: an error\n")


def test_units() -> None:
    assert [size(n) for n in (1, 999, 1000, 12_440, 999_900, 3_210_000, 5 * 10**9)] == [
        "1 byte", "999 bytes", "1 kB", "12.4 kB", "1 MB", "3.21 MB", "5 GB"
    ]  # fmt: skip
    assert [kbps(b) for b in (500, 6000, 6300, 123_456)] == [
        "0.5 kbps", "6 kbps", "6.3 kbps", "123.5 kbps"
    ]  # fmt: skip
    assert [seconds(s) for s in (0, 0.000125, 9.557, 12.34, 3600)] == [
        "0 s", "0.000125 s", "9.56 s", "12.3 s", "3600.0 s"
    ]  # fmt: skip
    assert [factor(f) for f in (0.05, 1.23, 54.6)] == [
        "0.1x real time", "1.2x real time", "55x real time"
    ]  # fmt: skip
    assert [count(1, "level"), count(2, "level")] == ["1 level", "2 levels"]


def test_a_bar_makes_room_for_lines(terminal: Terminal) -> None:
    console = Console(quiet=False)
    with console.bar(2) as bar:
        with console.meter("one of them") as meter:
            meter.update(Progress(5.0, 10.0))
        console.result("first is done")
        bar.advance()
        console.warn("second failed")
        bar.stop()
        with console.meter("the other") as meter, pytest.raises(KeyboardInterrupt):
            meter.update(Progress(5.0, 10.0))
    shown = terminal.getvalue()
    assert "first is done\n\r[----------------] 0 of 2 files" in shown
    assert "codec: second failed\n\r[########--------] 1 of 2 files" in shown
    assert "one of them" not in shown and terminal.lines()[-1] == ""
