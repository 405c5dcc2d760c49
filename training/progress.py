"""What is said of a run beside its losses."""

from .config import Recipe
from .state import TrainState


def progress(state: TrainState, recipe: Recipe) -> dict[str, object]:
    """Return learning rates and counts and, once there are codebooks, a list of each per level.

    diversity: normalised entropy of the vectors' use, 1 all alike, 0 a single one; usage: how
    many vectors that would be if they were used alike, as a share of all; dead: share of vectors
    with under a twentieth of the mean use; codebook_norm: mean L2 norm.
    """
    facts: dict[str, object] = {
        "generator_lr": state.optimizer.param_groups[0]["lr"],
        "discriminator_lr": state.adversary.optimizer.param_groups[0]["lr"],
        "skipped": state.skipped,
    }
    if state.quantizer.started:
        diversity = state.quantizer.diversity()
        size = recipe.model.codebook_size
        norms = state.network.quantizer.codebooks.norm(dim=2).mean(dim=1)
        levels = {
            "diversity": diversity,
            "usage": size ** (diversity - 1),
            "dead": state.quantizer.dead(),
            "codebook_norm": norms,
        }
        facts |= {name: [round(x, 4) for x in row.tolist()] for name, row in levels.items()}
    return facts
