"""The command: one line for each error, the export's place on standard output."""

from pathlib import Path

import pytest
from audiocodec.training import __main__ as command
from audiocodec.training.config import Recipe
from audiocodec.training.trainer import Console, Outcome


def test_help_names_recipes_and_overrides(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    for word in ("soundstream_24khz", "smoke", "key=value", "--export", "Ctrl-C", "data.root="):
        assert word in text


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main([])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "no recipe 'nope'"),
        (["smoke", "data.rot=x"], "recipe.data: unknown key 'rot'"),
        (["smoke"], "no data folder ''"),
        (["smoke", "--export", "best", "run.folder=no/such"], "no such checkpoint"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 1
    said = capsys.readouterr()
    assert said.err.startswith("codec-train: ") and message in said.err
    assert said.err.count("\n") == 1 and said.out == ""


def test_the_place_of_the_export_is_the_only_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fake(recipe: Recipe, *, console: Console) -> Outcome:
        console("step 1")
        return Outcome(step=recipe.run.seed, finished=False, folder=tmp_path)

    monkeypatch.setattr(command, "train", fake)
    assert command.main(["smoke", "run.seed=3"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path}\n" and said.err == "step 1\nstopped after step 3\n"
    assert command.main(["smoke", "run.seed=0"]) == 0
    assert capsys.readouterr().out == "", "no step, no export"
    monkeypatch.setenv("RANK", "1")
    assert command.main(["smoke", "run.seed=3"]) == 0
    said = capsys.readouterr()
    assert said.out == "" and "stopped" not in said.err, "the first process says it"


def test_a_second_ctrl_c_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(recipe: Recipe, *, console: Console) -> Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "train", interrupted)
    assert command.main(["smoke"]) == 130
    assert capsys.readouterr().err.startswith("codec-train: stopped at once")
