"""Tables of renames: by which names another package stores the tensors of our networks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from audiocodec.errors import WeightsMismatch

_NAMED = 3

Join = Callable[[list[Tensor]], Tensor]


def only(tensors: list[Tensor]) -> Tensor:
    """Return a single tensor as it is."""
    return tensors[0]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a table of renames.

    ours: regular expression for a whole name in our network. theirs: the upstream names of what
    it is joined from, {0}, {1}, ... being the expression's groups; names with {n} stand for one
    name for every n below the length of our tensor. join: makes our tensor of theirs.
    """

    ours: str
    theirs: tuple[str, ...]
    join: Join = only


def translate(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    rules: tuple[Rule, ...],
    *,
    ignored: str,
    source: Path,
) -> dict[str, Tensor]:
    """Return upstream tensors under our names, joined.

    ignored: regular expression for upstream names that a network does without.
    Raises WeightsMismatch for tensors that are missing or left over, by their upstream names, or
    cannot be joined.
    """
    left = {name for name in tensors if not re.fullmatch(ignored, name)}
    missing: list[str] = []
    found: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        rule, groups = _rule_for(name, rules)
        many = range(len(tensor)) if any("{n}" in part for part in rule.theirs) else range(1)
        names = [part.format(*groups, n=n) for n in many for part in rule.theirs]
        missing += [part for part in names if part not in left]
        if missing:
            continue
        left -= set(names)
        try:
            found[name] = rule.join([tensors[part].float() for part in names])
        except (RuntimeError, ValueError) as error:
            raise WeightsMismatch(f"{source}: {names[0]} and its like: {error}") from error
    problems = [f"missing {name}" for name in missing]
    problems += [f"left over {name}" for name in sorted(left)] if not missing else []
    if problems:
        more = f" and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise WeightsMismatch(f"{source}: {'; '.join(problems[:_NAMED])}{more}")
    return found


def _rule_for(name: str, rules: tuple[Rule, ...]) -> tuple[Rule, tuple[str, ...]]:
    for rule in rules:
        if match := re.fullmatch(rule.ours, name):
            return rule, match.groups()
    raise LookupError(f"no rule for {name}")
