"""The generator's side of a step: one piece of a batch forwards, its losses, and backwards."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .config import Phase, Recipe
from .losses.spectral import SPECTRAL_LOSSES, compressed_complex_loss
from .quantizer import Draw, Quantized
from .state import TrainState


@dataclass(frozen=True, slots=True)
class Piece:
    """What became of real sound: both [b, 1, T] at the same time, and what the loss needs.

    embedding_norm: scalar, the mean L2 norm of the encoder's vectors.
    """

    real: Tensor
    fake: Tensor
    commitment: Tensor
    embedding_norm: Tensor


def generate(
    state: TrainState, wav: Tensor, recipe: Recipe, *, draw: Draw | None, first: int
) -> Piece:
    """Return wav [b, 1, T] through encoder, quantizer and decoder.

    draw: what is left to chance in the quantizer, None where the phase has none; first: which
    example of the whole batch is the first one here.
    """
    autocast = torch.autocast(wav.device.type, torch.bfloat16, enabled=recipe.run.bf16)
    with autocast:
        latents, _ = state.encode(wav)
    state.clock.lap("encoder")
    quantized = state.quantizer.quantize(latents, draw, first=first) if draw else _as_is(latents)
    state.clock.lap("quantizer")
    with autocast:
        fake, _ = state.decode(quantized.latents)
    state.clock.lap("decoder")
    late = state.network.delay_samples
    real, fake = align(wav, fake.float(), late)
    norm = latents.detach().float().norm(dim=1).mean()
    return Piece(real, fake, quantized.commitment, norm)


def align(wav: Tensor, fake: Tensor, delay_samples: int) -> tuple[Tensor, Tensor]:
    """Return what both have of the same time, where fake [B, 1, T] comes late."""
    samples = wav.shape[-1] - delay_samples
    return wav[..., :samples], fake[..., delay_samples:]


def losses_of(state: TrainState, piece: Piece, recipe: Recipe) -> dict[str, Tensor]:
    """Return every loss of the phase by its name, unweighted."""
    phase = recipe.phase_at(state.step)
    real, fake = piece.real[:, 0], piece.fake[:, 0]
    losses = {
        "spectral": SPECTRAL_LOSSES[recipe.spectral_loss](real, fake, recipe.model.sample_rate_hz),
        "reconstruction": functional.mse_loss(fake, real),
        "commitment": piece.commitment,
    }
    if phase.complex_spectral > 0:
        losses["complex_spectral"] = compressed_complex_loss(
            real, fake, recipe.model.sample_rate_hz
        )
    state.clock.lap("losses")
    if phase.adversarial_phase:
        with torch.autocast(fake.device.type, torch.bfloat16, enabled=recipe.run.bf16):
            verdict = state.adversary.fool(real, fake)
        losses |= {"adversarial": verdict.adversarial, "feature": verdict.feature}
        state.clock.lap("discriminator")
    return losses


def backward(state: TrainState, piece: Piece, losses: dict[str, Tensor], recipe: Recipe) -> None:
    """Add the gradient of a piece's losses, weighted or balanced, to the generator's."""
    phase, pieces = recipe.phase_at(state.step), recipe.optim.accumulate
    if state.balancer is None:
        (weigh(losses, phase) / pieces).backward()  # type: ignore[no-untyped-call]
    else:
        at_output = {name: loss for name, loss in losses.items() if name != "commitment"}
        weights = {name: float(getattr(phase, name)) for name in at_output}
        gradient = state.balancer.gradient(at_output, weights, piece.fake)
        inner = phase.commitment * losses["commitment"]
        # A sum whose gradient at the output is the balanced one.
        balanced = (gradient * piece.fake).sum() + inner
        (balanced / pieces).backward()  # type: ignore[no-untyped-call]
    state.clock.lap("backward")


def weigh(losses: dict[str, Tensor], phase: Phase) -> Tensor:
    """Return the sum of the losses, each times the phase's weight of the same name."""
    terms = [getattr(phase, name) * loss for name, loss in losses.items()]
    return torch.stack(terms).sum()


def _as_is(latents: Tensor) -> Quantized:
    """Return latents that skip the quantizer, with a small pull that keeps them bounded."""
    return Quantized(latents, 1e-3 * latents.float().square().mean())
