"""One training step: every loss by its name, one update of generator and discriminators."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .config import Recipe
from .generate import Piece, backward, generate, losses_of
from .optim import lr_share, set_lr, take_step
from .state import TrainState


@dataclass(frozen=True, slots=True)
class StepResult:
    """losses: each by name, unweighted. fake: the generator's output [b, 1, T].

    norms: `embedding_norm`, and before clipping `gradient_norm` and `discriminator_gradient_norm`
    of those that were trained; left_out: a gradient was not finite, so nothing was updated.
    """

    losses: dict[str, Tensor]
    norms: dict[str, Tensor]
    left_out: bool
    fake: Tensor


def train_step(state: TrainState, wav: Tensor, recipe: Recipe) -> StepResult:
    """Update the generator, then the codebooks, then the discriminators, on wav [b, 1, T].

    wav: this process's rows of the batch. Where the generator's gradient is not finite, nothing
    is updated and the step only counts.
    """
    phase, into = recipe.phase_at(state.step), recipe.step_in_phase(state.step)
    if phase.fresh_discriminators and into == 0:
        state.adversary.renew(recipe.run.seed + state.step)
    share = lr_share(state.step, recipe.optim, recipe.steps)
    set_lr(state.optimizer, share * recipe.optim.generator_lr)
    set_lr(state.adversary.optimizer, share * recipe.optim.discriminator_lr)
    alone = into < phase.discriminator_warmup
    heard = _listen(state, wav, recipe) if alone else _learn(state, wav, recipe)
    losses, norms = heard.losses, heard.norms
    left_out = "gradient_norm" in norms and not bool(torch.isfinite(norms["gradient_norm"]))
    if left_out:
        state.skipped += 1
    if left_out or alone:
        state.quantizer.forget()
    else:
        _follow(state, codebooks=phase.quantize)
    if phase.adversarial_phase and not left_out:
        with torch.autocast(wav.device.type, torch.bfloat16, enabled=recipe.run.bf16):
            lesson = state.adversary.judge(heard.real[:, 0], heard.fake[:, 0])
        losses["discriminator"] = lesson.loss
        norms["discriminator_gradient_norm"] = lesson.gradient_norm
        state.clock.lap("discriminator")
    state.step += 1
    state.group.mean(*losses.values(), norms["embedding_norm"])
    return StepResult(losses=losses, norms=norms, left_out=left_out, fake=heard.fake)


@dataclass(frozen=True, slots=True)
class _Heard:
    """Real and generated sound [b, 1, T] of a step, and what was measured."""

    real: Tensor
    fake: Tensor
    losses: dict[str, Tensor]
    norms: dict[str, Tensor]


def _learn(state: TrainState, wav: Tensor, recipe: Recipe) -> _Heard:
    """Update the generator, unless its gradient is not finite."""
    state.optimizer.zero_grad(set_to_none=True)
    pieces, rows = [], []
    for piece in _pieces(state, wav, recipe):
        losses = losses_of(state, piece, recipe)
        backward(state, piece, losses, recipe)
        rows.append({name: loss.detach() for name, loss in losses.items()})
        pieces.append(replace(piece, fake=piece.fake.detach(), commitment=rows[-1]["commitment"]))
    parameters = list(state.network.parameters())
    state.group.mean_gradients(parameters)
    norm = nn.utils.clip_grad_norm_(parameters, recipe.optim.max_grad_norm).detach()
    if torch.isfinite(norm):
        take_step(state.optimizer)
    state.clock.lap("optimizer")
    losses = {name: _mean([row[name] for row in rows]) for name in rows[0]}
    return _heard(pieces, losses, {"gradient_norm": norm})


def _listen(state: TrainState, wav: Tensor, recipe: Recipe) -> _Heard:
    """Let the generator speak as it is, for the discriminators to learn from.

    With gradients that nobody uses, because without them layers compute as in inference.
    """
    return _heard(list(_pieces(state, wav, recipe)), {}, {})


def _pieces(state: TrainState, wav: Tensor, recipe: Recipe) -> Iterator[Piece]:
    """Yield what becomes of wav [b, 1, T], piece by piece: each may be forgotten before the next.

    Everything is drawn for the whole batch of all processes.
    """
    first, batch = state.group.rank * len(wav), state.group.size * len(wav)
    quantized = recipe.phase_at(state.step).quantize
    draw = state.quantizer.draw(batch) if quantized else None
    for part in wav.chunk(recipe.optim.accumulate):
        yield generate(state, part, recipe, draw=draw, first=first)
        first += len(part)


def _heard(pieces: Sequence[Piece], losses: dict[str, Tensor], norms: dict[str, Tensor]) -> _Heard:
    """Put pieces together, without their graphs."""
    return _Heard(
        real=torch.cat([piece.real for piece in pieces]),
        fake=torch.cat([piece.fake.detach() for piece in pieces]),
        losses=losses,
        norms={**norms, "embedding_norm": _mean([piece.embedding_norm for piece in pieces])},
    )


def _mean(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean()


def _follow(state: TrainState, *, codebooks: bool) -> None:
    """Let codebooks and average follow the generator's step."""
    if codebooks:
        state.quantizer.update()
        state.clock.lap("quantizer")
    if state.average:
        state.average.update(state.network, state.quantizer)
        state.clock.lap("optimizer")
