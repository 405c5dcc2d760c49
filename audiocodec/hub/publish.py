"""A folder with a model to the Hub."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiocodec.errors import AudioCodecError, UnknownModel

from .choice import TABLES
from .names import check_revision, looks_like_hub_name
from .troubles import first_line, is_unreachable

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

FILES = ("config.json", "model.safetensors")
CARD = "README.md"
OPTIONAL = (TABLES, CARD)
MESSAGE = "Push model using audiocodec."


@dataclass(frozen=True, slots=True)
class Published:
    """Where a push arrived. url: of the commit, or of the pull request."""

    repo_id: str
    commit: str
    url: str


def push_folder(
    folder: Path,
    repo_id: str,
    *,
    token: str | bool | None = None,
    private: bool | None = None,
    commit_message: str = MESSAGE,
    revision: str | None = None,
    create_pr: bool = False,
    card: str = "",
) -> Published:
    """Put the files of a model into a repository as one commit, making the repository if needed.

    folder: holds FILES and perhaps OPTIONAL, and anything else in it stays here. private: of a new
    repository; None for what the account has as default. revision: a branch, made if needed.
    create_pr: ask for it by a pull request instead. card: text of a model card, where the folder
    has none. Raises UnknownModel for a folder or a name that is none, AudioCodecError when the Hub
    refuses or cannot be reached.
    """
    from huggingface_hub import HfApi

    if not looks_like_hub_name(repo_id):
        raise UnknownModel(f"{repo_id!r} is no name on the Hub; expected user/model")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise UnknownModel(f"{folder}: {', '.join(missing)} is missing; not a model to push")
    branch = check_revision(repo_id, revision) if revision else None
    if create_pr and branch not in (None, "main"):
        raise AudioCodecError(f"{repo_id}: a pull request goes to main; leave the revision out")
    api = HfApi(token=token, library_name="audiocodec")
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        if branch not in (None, "main"):
            api.create_branch(repo_id, branch=str(branch), exist_ok=True)
        done = api.create_commit(
            repo_id,
            _operations(folder, card),
            commit_message=commit_message,
            revision=branch,
            create_pr=create_pr,
        )
    except Exception as error:  # of the client's transport too, whose classes change
        raise _explain(repo_id, error) from error
    return Published(repo_id, done.oid, str(done.pr_url or done.commit_url))


def _operations(folder: Path, card: str) -> "list[CommitOperationAdd]":
    from huggingface_hub import CommitOperationAdd

    files = [name for name in (*FILES, *OPTIONAL) if (folder / name).is_file()]
    operations = [CommitOperationAdd(name, str(folder / name)) for name in files]
    if card and CARD not in files:
        operations.append(CommitOperationAdd(CARD, card.encode()))
    return operations


def _explain(repo_id: str, error: Exception) -> AudioCodecError:
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if is_unreachable(error):
        return AudioCodecError(f"{repo_id}: not pushed, as the Hub cannot be reached; try again")
    if status in (401, 403):
        return AudioCodecError(
            f"{repo_id}: not pushed, as this account may not write there; log in with `hf auth "
            f"login` or set HF_TOKEN to a token with the right to write"
        )
    return AudioCodecError(f"{repo_id}: not pushed: {first_line(error)}")
