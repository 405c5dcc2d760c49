"""`codec push`: a model of one's own to the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from audiocodec.errors import UnknownModel

from . import options
from .console import Console
from .model import prepare_bars


def push(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="A model: config.json and model.safetensors."),
    ],
    repo_id: Annotated[str, typer.Argument(metavar="NAME", help="Hub name: user/model.")],
    private: Annotated[
        bool, typer.Option("--private", help="If the repository is new, hide it from others.")
    ] = False,
    message: Annotated[
        str, typer.Option("-m", "--message", metavar="TEXT", help="Message of the commit.")
    ] = "Push model using audiocodec.",
    revision: Annotated[
        str | None,
        typer.Option("--revision", metavar="BRANCH", help="Branch, made if needed; else main."),
    ] = None,
    create_pr: Annotated[
        bool, typer.Option("--create-pr", help="Ask for it by a pull request.")
    ] = False,
    license: Annotated[
        str | None,
        typer.Option(
            "--license", metavar="ID", help="For a new model card: apache-2.0, cc-by-4.0, ..."
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Put a model on the Hub, as configuration, weights and model card.

    The model is loaded first, so that nothing broken is pushed. A README.md in the folder is its
    card; where there is none, one is made. Log in with `hf auth login`, or set HF_TOKEN. Prints
    the address of the commit or the pull request.

    \b
    Examples:
      codec push my_model user/model
      codec push my_model user/model --private -m "First try"
      codec push my_model user/model --revision v2 --license apache-2.0
      codec push my_model user/model --create-pr
    """
    if not folder.is_dir():
        raise UnknownModel(f"{folder}: no such folder; give one with config.json")
    console = Console(quiet)
    prepare_bars(console)
    with console.status("checking the model ..."):
        from audiocodec.codec import Codec
        from audiocodec.folder import load_folder
        from audiocodec.hub.pretrained import card_text
        from audiocodec.hub.publish import CARD, push_folder

        loaded = load_folder(folder)
        spec = Codec(loaded.network).spec
        card = card_text(folder, spec, loaded.identity, repo_id=repo_id, card={"license": license})
    if license and (folder / CARD).exists():
        console.note(f"{folder / CARD} is the model card, so --license is left aside")
    done = push_folder(
        folder,
        repo_id,
        private=private or None,
        commit_message=message,
        revision=revision,
        create_pr=create_pr,
        card=card,
    )
    console.result(f"{folder} -> {done.repo_id}: commit {done.commit[:12]}")
    print(done.url)
