"""Whatever goes wrong between here and the Hub, as one line that says what to do."""

import errno

from audiocodec.errors import AudioCodecError, UnknownModel

# By name: the client's transport has been another library in every major version.
_UNREACHABLE = {"TransportError", "ConnectionError", "Timeout", "OfflineModeIsEnabled"}


def explain(name: str, revision: str, error: Exception) -> AudioCodecError:
    """Return the error to raise for what the client of the Hub raised."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, AudioCodecError):
        return error
    if is_full_disk(error):
        return AudioCodecError(
            f"{name}: the disk of the cache is full; free some space or choose another place "
            f"(--cache-dir, HF_HOME)"
        )
    if is_unreachable(error):
        return unreachable(name)
    match error:
        case GatedRepoError():
            return UnknownModel(
                f"{name}: access is gated; accept its terms at {_page(name)}, then log in with "
                f"`hf auth login` or set HF_TOKEN"
            )
        case RepositoryNotFoundError():
            return UnknownModel(
                f"{name}: no such repository at {_page('').rstrip('/')}, or a private one; check "
                f"the name, or set HF_TOKEN"
            )
        case RevisionNotFoundError():
            return UnknownModel(
                f"{name}: has no revision {revision!r}; give a branch, a tag or a full commit hash"
            )
        case EntryNotFoundError():
            return UnknownModel(f"{name}: a file is missing at {revision}: {first_line(error)}")
        case HfHubHTTPError():
            return UnknownModel(f"{name}: the Hub refused: {first_line(error)}")
        case PermissionError():
            return AudioCodecError(
                f"{name}: the cache cannot be written ({first_line(error)}); choose another place "
                f"(--cache-dir, HF_HOME)"
            )
    return UnknownModel(f"{name}: cannot be fetched: {first_line(error)}")


def unreachable(name: str) -> UnknownModel:
    """Return the error for a model that is not here and cannot be fetched now."""
    return UnknownModel(
        f"{name}: not in the local cache and the Hub cannot be reached; check the network, "
        f"or give a local folder"
    )


def is_unreachable(error: BaseException) -> bool:
    """Tell whether the Hub did not answer, or could not: then what is in the cache will do."""
    names = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return bool(names & _UNREACHABLE) or status >= 500


def is_full_disk(error: BaseException) -> bool:
    """Tell whether writing failed for want of space."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its kind where it has none."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    return lines[0] if lines else type(error).__name__


def _page(name: str) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{name}"
