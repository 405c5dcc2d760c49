"""Saving, pushing and loading by the names and arguments of PyTorchModelHubMixin.

The mixin itself is not inherited: its loading falls back to pickles.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from audiocodec.atomic import atomic_output

from .card import CardFacts, model_card
from .choice import CONFIG
from .publish import CARD, MESSAGE, push_folder

if TYPE_CHECKING:
    from audiocodec.codec import Codec
    from audiocodec.codes import ModelIdentity
    from audiocodec.spec import CodecSpec


class Pretrained:
    """What `Codec` offers to people who know `save_pretrained` and its like."""

    if TYPE_CHECKING:

        @property
        def spec(self) -> "CodecSpec":
            """Of `Codec`."""

        def save(self, folder: str | Path) -> "ModelIdentity":
            """As in `Codec`."""

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        model_card_kwargs: Mapping[str, Any] | None = None,
        **push_to_hub_kwargs: Any,
    ) -> str | None:
        """Write the model as a folder, with a model card where there is none yet.

        model_card_kwargs: metadata of the card, such as license, datasets, metrics.
        push_to_hub: push as well, to repo_id or the folder's name, and return the commit's URL.
        """
        folder = Path(save_directory)
        identity = self.save(folder)
        if not (folder / CARD).exists():
            card = model_card_kwargs
            text = card_text(folder, self.spec, identity, repo_id=repo_id, card=card)
            with atomic_output(folder / CARD, overwrite=False) as file:
                file.write(text.encode())
        if not push_to_hub:
            return None
        return self.push_to_hub(
            repo_id or folder.name, model_card_kwargs=model_card_kwargs, **push_to_hub_kwargs
        )

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str = MESSAGE,
        private: bool | None = None,
        token: str | bool | None = None,
        branch: str | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        model_card_kwargs: Mapping[str, Any] | None = None,
    ) -> str:
        """Push configuration, weights and model card to the Hub; return the commit's URL.

        branch, or revision, which is the same: where to, main by default; made if needed.
        create_pr: ask for it by a pull request. private: of a repository that is made now.
        Raises AudioCodecError when the Hub refuses or cannot be reached.
        """
        with TemporaryDirectory() as place:
            self.save_pretrained(place, repo_id=repo_id, model_card_kwargs=model_card_kwargs)
            done = push_folder(
                Path(place),
                repo_id,
                token=token,
                private=private,
                commit_message=commit_message,
                revision=revision or branch,
                create_pr=create_pr,
            )
        return done.url

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        device: str = "cpu",
        allow_pickle: bool = False,
    ) -> "Codec":
        """Return a codec from the Hub or a folder: `audiocodec.load` by the mixin's names.

        force_download: compare what is cached with the Hub's hashes, and fetch anew what differs.
        """
        from audiocodec.load import load, locate

        where: dict[str, Any] = {
            "revision": revision,
            "cache_dir": cache_dir,
            "local_files_only": local_files_only,
            "allow_pickle": allow_pickle,
            "token": token,
        }
        if force_download:
            locate(pretrained_model_name_or_path, verify=True, **where)
        return load(pretrained_model_name_or_path, device=device, **where)


def card_text(
    folder: Path,
    spec: "CodecSpec",
    identity: "ModelIdentity",
    *,
    repo_id: str | None = None,
    card: Mapping[str, Any] | None = None,
) -> str:
    """Return a card for a model that was saved to a folder.

    card: fields of the card's metadata (`model_card`).
    """
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    facts = CardFacts(
        name=str(config.get("name") or folder.name),
        family=str(config.get("family", "")),
        spec=spec,
        made=dict(config.get("made") or {}),
        weights_sha256=identity.weights_sha256,
    )
    return model_card(facts, repo_id=repo_id, **dict(card or {}))
