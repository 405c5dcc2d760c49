"""One training step: every loss by its name, one update of generator and discriminators."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import Phase, Recipe
from .losses.spectral import SPECTRAL_LOSSES, compressed_complex_loss
from .optim import lr_share, set_lr
from .quantizer import Quantized
from .state import TrainState


@dataclass(frozen=True, slots=True)
class StepResult:
    """losses: each by name, unweighted. fake: the generator's output [B, 1, T].

    gradient_norm: of the generator, before clipping, None where it was not trained; left_out: it
    was not finite, so nothing was updated.
    """

    losses: dict[str, Tensor]
    gradient_norm: Tensor | None
    left_out: bool
    embedding_norm: Tensor
    fake: Tensor


def train_step(state: TrainState, wav: Tensor, recipe: Recipe) -> StepResult:
    """Update the generator, then the codebooks, then the discriminators, on wav [B, 1, T].

    Where the generator's gradient is not finite, nothing is updated and the step only counts.
    """
    phase, into = recipe.phase_at(state.step), recipe.step_in_phase(state.step)
    if phase.fresh_discriminators and into == 0:
        state.adversary.renew(recipe.run.seed + state.step)
    if into < phase.discriminator_warmup:
        return _judge_alone(state, wav, recipe)
    share = lr_share(state.step, recipe.optim, recipe.steps)
    set_lr(state.optimizer, share * recipe.optim.generator_lr)
    autocast = torch.autocast(wav.device.type, torch.bfloat16, enabled=recipe.run.bf16)
    with autocast:
        latents, _ = state.network.encoder(wav)
    quantized = state.quantizer.quantize(latents) if phase.quantize else _as_is(latents)
    with autocast:
        fake, _ = state.network.decoder(quantized.latents)
    wav, fake = align(wav, fake.float(), state.network.delay_samples)
    losses = {
        "spectral": SPECTRAL_LOSSES[recipe.spectral_loss](
            wav[:, 0], fake[:, 0], recipe.model.sample_rate_hz
        ),
        "reconstruction": functional.mse_loss(fake, wav),
        "commitment": quantized.commitment,
    }
    if phase.complex_spectral > 0:
        losses["complex_spectral"] = compressed_complex_loss(wav[:, 0], fake[:, 0])
    if phase.adversarial_phase:
        with autocast:
            verdict = state.adversary.fool(wav[:, 0], fake[:, 0])
        losses |= {"adversarial": verdict.adversarial, "feature": verdict.feature}
    norm = _update_generator(state, weigh(losses, phase), recipe.optim.max_grad_norm)
    left_out = not bool(torch.isfinite(norm))
    if left_out:
        state.skipped += 1
        state.quantizer.forget()
    elif phase.quantize:
        state.quantizer.update()
    if state.average and not left_out:
        state.average.update(state.network, state.quantizer)
    if phase.adversarial_phase and not left_out:
        set_lr(state.adversary.optimizer, share * recipe.optim.discriminator_lr)
        with autocast:
            losses["discriminator"] = state.adversary.judge(wav[:, 0], fake[:, 0])
    state.step += 1
    return StepResult(
        losses={name: loss.detach() for name, loss in losses.items()},
        gradient_norm=norm,
        left_out=left_out,
        embedding_norm=latents.detach().float().norm(dim=1).mean(),
        fake=fake.detach(),
    )


def _judge_alone(state: TrainState, wav: Tensor, recipe: Recipe) -> StepResult:
    """Update the discriminators only, on what the generator makes of wav [B, 1, T] as it is.

    With gradients that nobody uses, because without them layers compute as in inference.
    """
    phase = recipe.phase_at(state.step)
    share = lr_share(state.step, recipe.optim, recipe.steps)
    set_lr(state.adversary.optimizer, share * recipe.optim.discriminator_lr)
    autocast = torch.autocast(wav.device.type, torch.bfloat16, enabled=recipe.run.bf16)
    with autocast:
        latents, _ = state.network.encoder(wav)
    quantized = state.quantizer.quantize(latents) if phase.quantize else _as_is(latents)
    state.quantizer.forget()
    with autocast:
        fake, _ = state.network.decoder(quantized.latents)
    wav, fake = align(wav, fake.float(), state.network.delay_samples)
    with autocast:
        loss = state.adversary.judge(wav[:, 0], fake[:, 0])
    state.step += 1
    return StepResult(
        losses={"discriminator": loss},
        gradient_norm=None,
        left_out=False,
        embedding_norm=latents.detach().float().norm(dim=1).mean(),
        fake=fake.detach(),
    )


def align(wav: Tensor, fake: Tensor, delay_samples: int) -> tuple[Tensor, Tensor]:
    """Return what both have of the same time, where fake [B, 1, T] comes late."""
    samples = wav.shape[-1] - delay_samples
    return wav[..., :samples], fake[..., delay_samples:]


def weigh(losses: dict[str, Tensor], phase: Phase) -> Tensor:
    """Return the sum of the losses, each times the phase's weight of the same name."""
    terms = [getattr(phase, name) * loss for name, loss in losses.items()]
    return torch.stack(terms).sum()


def _as_is(latents: Tensor) -> Quantized:
    """Return latents that skip the quantizer, with a small pull that keeps them bounded."""
    return Quantized(latents, 1e-3 * latents.float().square().mean())


def _update_generator(state: TrainState, loss: Tensor, max_grad_norm: float) -> Tensor:
    """Step the generator's optimizer, unless the gradient is not finite; return its norm."""
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(state.network.parameters(), max_grad_norm)
    if torch.isfinite(norm):
        state.optimizer.step()
    return norm.detach()
