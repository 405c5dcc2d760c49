"""Tables are read strictly, and every error names its key."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from audiocodec.training.tables import RecipeError, apply_override, build


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    until: int
    share: float = 0.5
    quantize: bool = True

    def __post_init__(self) -> None:
        if self.until < 0:
            raise ValueError("until must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    name: str
    parts: tuple[Part, ...] = ()
    sizes: tuple[int, ...] = (1, 2)
    shares: dict[str, float] = field(default_factory=dict)


def test_nested_tables_become_dataclasses_and_integers_become_floats() -> None:
    table = {"name": "x", "parts": [{"until": 3, "share": 1}], "shares": {"speech": 2}}
    assert build(Whole, table, where="recipe") == Whole(
        name="x", parts=(Part(until=3, share=1.0),), shares={"speech": 2.0}
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "x", "nmae": 1}, "recipe: unknown key 'nmae'; known are name, parts"),
        ({"name": 3}, "recipe.name: str is needed, not 3"),
        ({}, "recipe: the key 'name' is missing"),
        ({"name": "x", "parts": {}}, "recipe.parts: a list is needed"),
        ({"name": "x", "parts": [7]}, r"recipe.parts\[0\]: a table is needed, not 7"),
        ({"name": "x", "parts": [{}]}, r"recipe.parts\[0\]: the key 'until' is missing"),
        ({"name": "x", "parts": [{"until": 1.5}]}, r"parts\[0\].until: int is needed, not 1.5"),
        ({"name": "x", "parts": [{"until": True}]}, r"until: int is needed, not True"),
        ({"name": "x", "parts": [{"until": 1, "quantize": 1}]}, "quantize: bool is needed"),
        ({"name": "x", "parts": [{"until": 1, "share": True}]}, "share: float is needed"),
        ({"name": "x", "parts": [{"until": 1, "share": float("nan")}]}, "share: a finite number"),
        ({"name": "x", "parts": [{"until": -1}]}, r"parts\[0\]: until must not be negative"),
        ({"name": "x", "sizes": [1, "2"]}, r"recipe.sizes\[1\]: int is needed, not '2'"),
        ({"name": "x", "shares": [1]}, "recipe.shares: a table is needed"),
        ({"name": "x", "shares": {"speech": "a"}}, "recipe.shares.speech: float is needed"),
    ],
)
def test_errors_name_the_key(table: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build(Whole, table, where="recipe")


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ("name=other", {"name": "other"}),
        ('name="3"', {"name": "3"}),
        ("name = runs/two ", {"name": "runs/two"}),
        ("shares={music=1.0}", {"shares": {"music": 1.0}}),
        ("shares.music=0.25", {"shares": {"speech": 1.0, "music": 0.25}}),
        ("sizes=[3]", {"sizes": [3]}),
        ("sizes.1=9", {"sizes": [1, 9]}),
        ("parts.0.until=10", {"parts": [{"until": 10}]}),
        ("new.sub=1", {"new": {"sub": 1}}),
    ],
)
def test_an_override_changes_one_place(override: str, changed: dict[str, Any]) -> None:
    table = {"name": "x", "shares": {"speech": 1.0}, "sizes": [1, 2], "parts": [{"until": 3}]}
    before = {key: value for key, value in table.items() if key not in changed}
    apply_override(table, override)
    assert table == before | changed


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("name", "'name' is no override: write key=value"),
        ("=3", "is no override"),
        ("a..b=3", "is no override"),
        ("parts.1.until=3", "parts.1.until: '1' is no entry of a list that has 0 to 0"),
        ("parts.x.until=3", "parts.x.until: 'x' is no entry"),
        ("sizes.2=3", "sizes.2: '2' is no entry of a list that has 0 to 1"),
        ("name.sub=3", "name.sub: what is before 'sub' is 'x', not a table"),
        ("name.sub.more=3", "name.sub.more: what is before 'sub' is 'x', not a table"),
    ],
)
def test_an_override_of_nothing_is_refused(override: str, message: str) -> None:
    table = {"name": "x", "sizes": [1, 2], "parts": [{"until": 3}]}
    with pytest.raises(RecipeError, match=message):
        apply_override(table, override)
