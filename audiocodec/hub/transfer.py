"""One file of the Hub into its standard cache: resumed where it broke off, and checked.

The client's own downloads are begun anew by the next process and, over plain HTTP, checked by their
size alone. So the bytes are fetched here, into the place and under the lock where the client would
put them, and it finds them there when it is asked to make the rest of the cache's entry.
"""

import errno
import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from audiocodec.errors import AudioCodecError, UnknownModel, WeightsMismatch

from .troubles import is_full_disk, is_unreachable

_SHA256, _GIT_SHA1 = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{40}")
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository at one commit. storage: its folder in the cache `cache_dir`."""

    name: str
    commit: str
    cache_dir: Path
    token: str | bool | None = None

    @property
    def storage(self) -> Path:
        """Folder of the repository in the cache."""
        return storage_folder(self.cache_dir, self.name)

    @property
    def snapshot(self) -> Path:
        """Folder of the commit, with one link for each file that is there."""
        return self.storage / "snapshots" / self.commit


def storage_folder(cache_dir: Path, name: str) -> Path:
    """Return where the Hub's cache keeps a repository."""
    return cache_dir / f"models--{name.replace('/', '--')}"


def fetch_file(remote: Remote, file: str, *, max_bytes: int, verify: bool = False) -> Path:
    """Return a file in the cache, fetching it, or what is left of it, if it is not there.

    verify: compare what is there with the Hub's hash, and fetch it anew where it differs.
    Raises UnknownModel for a file that is too large, WeightsMismatch for bytes that are not those
    that the Hub names, and whatever the client raises.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    pointer = remote.snapshot / file
    if pointer.exists() and not verify:
        return pointer
    url = hf_hub_url(remote.name, file, revision=remote.commit)
    found = get_hf_file_metadata(url, token=remote.token)
    if found.size is not None and found.size > max_bytes:
        raise UnknownModel(
            f"{remote.name}: {file} has {found.size} bytes; over {max_bytes} is no codec's"
        )
    etag = found.etag or ""
    if found.size is not None and (_SHA256.fullmatch(etag) or _GIT_SHA1.fullmatch(etag)):
        blob = remote.storage / "blobs" / etag
        lock = remote.cache_dir / ".locks" / remote.storage.name / f"{etag}.lock"
        for folder in (blob.parent, lock.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(str(lock)):
            # Where there are no symbolic links, the snapshot holds the bytes themselves.
            kept = pointer if pointer.exists() and not pointer.is_symlink() else blob
            if not kept.exists() or (verify and _digest(kept, etag) != etag):
                _download(remote, file, url, blob, found.size)
                pointer.unlink(missing_ok=True)
    # Without a hash to check, or to make the snapshot's link to what has just been checked.
    made = hf_hub_download(
        remote.name,
        file,
        revision=remote.commit,
        cache_dir=remote.cache_dir,
        token=remote.token,
    )
    return Path(made)


def _download(remote: Remote, file: str, url: str, blob: Path, size: int) -> None:
    partial = blob.with_name(f"{blob.name}.incomplete")
    if _size(partial) > size:
        partial.unlink()
    _refuse_full_disk(blob.parent, size - _size(partial))
    # Every try but the last brought something, so it ends.
    while not _try(remote, file, url, partial, size):
        pass
    if _digest(partial, blob.name) != blob.name:
        partial.unlink()
        raise WeightsMismatch(
            f"{remote.name}: the bytes of {file} that arrived are not those that the Hub names by "
            f"the hash {blob.name[:12]}; nothing was kept; try again, or another HF_ENDPOINT"
        )
    os.replace(partial, blob)


def _try(remote: Remote, file: str, url: str, partial: Path, size: int) -> bool:
    """Fetch what is missing, and return whether nothing is missing any more."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    headers = {**build_hf_headers(token=remote.token), "Accept-Encoding": "identity"}
    have = _size(partial)
    try:
        with partial.open("ab") as output:
            http_get(
                url,
                output,
                resume_size=have,
                headers=headers,
                expected_size=size,
                displayed_filename=file,
            )
    except Exception as error:
        if is_full_disk(error) or _is_beyond_repair(error):
            partial.unlink(missing_ok=True)
        elif is_unreachable(error):
            if _size(partial) > have:
                return False
            raise AudioCodecError(
                f"{remote.name}: the connection broke off after {_size(partial)} of {size} bytes "
                f"of {file}; run it again to go on from there"
            ) from error
        raise
    return True


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_beyond_repair(error: Exception) -> bool:
    """Tell whether the answer to a request for the rest was not the rest."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status == 416 or "Consistency check failed" in str(error)


def _refuse_full_disk(folder: Path, missing_bytes: int) -> None:
    if shutil.disk_usage(folder).free < missing_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _digest(path: Path, etag: str) -> str:
    """Return the hash of a file as the Hub names it: SHA-256, or git's of a small text file."""
    digest = hashlib.sha256()
    if _GIT_SHA1.fullmatch(etag):
        digest = hashlib.sha1(usedforsecurity=False)
        digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
