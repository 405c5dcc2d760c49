"""Names and revisions on the Hugging Face Hub, checked before anything is done with them."""

import re

from audiocodec.errors import UnknownModel

_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
# Branches, tags, refs/pr/1, commits. A file of codes may name one, so it is nobody's path.
_REVISION = re.compile(r"\w[\w.-]{0,99}(/\w[\w.-]{0,99}){0,4}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def looks_like_hub_name(name: str) -> bool:
    """Tell whether `name`, without a revision, could be a repository: "user/model"."""
    return _NAME.fullmatch(name) is not None


def is_commit(revision: str) -> bool:
    """Tell whether a revision is a full commit hash, which never moves."""
    return _COMMIT.fullmatch(revision) is not None


def check_revision(name: str, revision: str) -> str:
    """Return `revision` if the Hub could have it. Raises UnknownModel."""
    if _REVISION.fullmatch(revision) is None or ".." in revision:
        raise UnknownModel(
            f"{name}: {revision[:80]!r} is no revision; give a branch, a tag or a full commit hash"
        )
    return revision
