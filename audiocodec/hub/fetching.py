"""A name on the Hub to the local files of one model, from the cache or over the network."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audiocodec.atomic import atomic_output
from audiocodec.errors import UnknownModel
from audiocodec.pickles import converted, refuse_pickle

from .checks import MAX_CONFIG_BYTES, check_config
from .choice import CONFIG, choose, is_pickle
from .known import KnownModel, known_model
from .names import check_revision, is_commit
from .transfer import Remote, fetch_file, storage_folder
from .troubles import explain, is_unreachable, unreachable

MAX_WEIGHTS_BYTES, MAX_TABLES_BYTES = 1 << 32, 1 << 26


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model in the local cache. weights: its file of tensors. revision: the commit."""

    folder: Path
    weights: Path
    revision: str


@dataclass(frozen=True, slots=True)
class _Wish:
    name: str
    revision: str
    pinned: bool  # by the caller
    known: KnownModel | None
    cache_dir: Path
    token: str | bool | None
    allow_pickle: bool
    conversions: Path | None  # where what was made of pickles is kept, if not in the usual place

    def takes(self, weights: Path) -> bool:
        """Tell whether a file of weights will do: not as a pickle that was never allowed."""
        if self.allow_pickle or not is_pickle(weights.name):
            return True
        return converted(weights, self.conversions) is not None


def fetch(
    name: str,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    allow_pickle: bool = False,
    token: str | bool | None = None,
    verify: bool = False,
) -> Fetched:
    """Return the local files of a repository, downloading what of them is missing.

    revision: branch, tag or full commit; by default the one known to work, else main.
    allow_pickle: take weights that are there as a pickle only. token: None for the one that
    HF_TOKEN or a login gives. verify: compare what is cached with the Hub's hashes.
    HF_HOME, HF_HUB_OFFLINE, HF_TOKEN and HF_ENDPOINT are honoured by huggingface_hub. What is
    cached is used when the Hub cannot be reached. Raises UnknownModel, WeightsMismatch,
    AudioCodecError.
    """
    from huggingface_hub import constants

    known = known_model(name)
    wish = _Wish(
        name=name,
        revision=check_revision(name, revision or (known.revision if known else "main")),
        pinned=revision is not None,
        known=known,
        cache_dir=Path(cache_dir or constants.HF_HUB_CACHE).expanduser(),
        token=token,
        allow_pickle=allow_pickle,
        conversions=None if cache_dir is None else Path(cache_dir),
    )
    there = _cached(wish)
    if local_files_only or constants.HF_HUB_OFFLINE:
        if there is None:
            raise unreachable(name)
        return _checked(wish, there)
    settled = there is not None and is_commit(wish.revision)  # a commit never moves
    if there is not None and settled and wish.takes(there.weights) and not verify:
        return _checked(wish, there)
    try:
        return _download(wish, verify)
    except Exception as error:
        # The client lets errors of its transport through, and changes the transport with every
        # major version, so there is no common class to name.
        if there is not None and is_unreachable(error) and not verify:
            return _checked(wish, there)
        raise explain(name, wish.revision, error) from error


def _download(wish: _Wish, verify: bool) -> Fetched:
    from huggingface_hub import HfApi

    info = HfApi().model_info(wish.name, revision=wish.revision, token=wish.token, timeout=10)
    listing = [sibling.rfilename for sibling in info.siblings or ()]
    choice = choose(wish.name, listing, wish.known.weights if wish.known else "")
    remote = Remote(wish.name, str(info.sha), wish.cache_dir, wish.token)
    if not wish.takes(remote.snapshot / choice.weights):
        raise refuse_pickle(f"{wish.name} ({choice.weights})")
    for file in choice.descriptions:
        path = fetch_file(remote, file, max_bytes=MAX_CONFIG_BYTES, verify=verify)
        if file == CONFIG:
            check_config(wish.name, path, wish.known, pinned=wish.pinned)
    if choice.tables:
        fetch_file(remote, choice.tables, max_bytes=MAX_TABLES_BYTES, verify=verify)
    weights = fetch_file(remote, choice.weights, max_bytes=MAX_WEIGHTS_BYTES, verify=verify)
    # Last, so that a branch never points to what is not all there.
    _remember(remote, wish.revision)
    return Fetched(remote.snapshot, weights, remote.commit)


def _cached(wish: _Wish) -> Fetched | None:
    storage = storage_folder(wish.cache_dir, wish.name)
    commit = wish.revision
    if not is_commit(commit):
        try:
            commit = (storage / "refs" / wish.revision).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return None
    snapshot = storage / "snapshots" / commit
    listing = [path.name for path in snapshot.glob("*") if path.exists()]
    with suppress(UnknownModel):
        choice = choose(wish.name, listing, wish.known.weights if wish.known else "")
        return Fetched(snapshot, snapshot / choice.weights, commit)
    return None


def _checked(wish: _Wish, there: Fetched) -> Fetched:
    """Refuse what is in the cache as it would be refused if it were fetched now."""
    if not wish.takes(there.weights):
        raise refuse_pickle(f"{wish.name} ({there.weights.name})")
    config = there.folder / CONFIG
    if config.exists():
        check_config(wish.name, config, wish.known, pinned=wish.pinned)
    return there


def _remember(remote: Remote, revision: str) -> None:
    """Write down which commit a branch or tag is, as the Hub's cache does."""
    if not is_commit(revision):
        ref = remote.storage / "refs" / revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        with atomic_output(ref, overwrite=True) as file:
            file.write(remote.commit.encode())
