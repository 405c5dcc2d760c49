"""Names on the Hugging Face Hub to local folders."""

import re
from pathlib import Path

from audiocodec.errors import UnknownModel

_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def looks_like_hub_name(name: str) -> bool:
    """Tell whether `name`, without a revision, could be a repository: "user/model"."""
    return _NAME.fullmatch(name) is not None


def fetch(
    name: str,
    *,
    revision: str | None = None,
    cache_dir: Path | None = None,
    local_files_only: bool = False,
) -> Path:
    """Return the local folder of a repository, downloading configuration and weights if needed.

    HF_HOME, HF_HUB_OFFLINE, HF_TOKEN and HF_ENDPOINT are honoured by huggingface_hub. Only
    JSON, safetensors and Markdown are fetched, never a pickle. Raises UnknownModel.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
                allow_patterns=["*.json", "*.safetensors", "README.md"],
            )
        )
    except LocalEntryNotFoundError as error:
        raise UnknownModel(
            f"{name}: not in the local cache and the Hub cannot be reached; check the network, "
            f"or give a local folder"
        ) from error
    except HfHubHTTPError as error:
        raise UnknownModel(f"{name}: the Hub refused: {_first_line(error)}") from error
    except Exception as error:
        # The client lets errors of its transport through, and changes the transport with every
        # major version, so there is no common class to name.
        raise UnknownModel(f"{name}: cannot be fetched: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
