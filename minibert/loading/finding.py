"""From a name to a folder with a checkpoint's files: bundled, local, or from the Hub."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from reprlib import repr as short

import torch
from safetensors import SafetensorError, safe_open

from minibert.vocabulary import CheckpointError

BUNDLED = Path(__file__).parent.parent / "assets" / "minibert-tiny"
FILES = ("config.json", "model.safetensors")
TOKENIZER_FILES = ("vocab.txt", "tokenizer.json")  # one of the two is enough


def find_folder(name: str | Path | None, revision: str | None = None) -> Path:
    """The local folder of a checkpoint; a name on the Hub is first fetched into its cache."""
    if not isinstance(name, str | Path | None):
        raise ValueError(f"name must be a folder, a name on the Hub, or None; not {short(name)}")
    path = os.path.expanduser(name or "")  # os.path answers for any text; Path raises for some
    if name is None:
        folder = BUNDLED
    elif os.path.isdir(path):
        folder = Path(path)
    elif isinstance(name, Path) or not name or name.startswith((".", "~", "/")):
        raise CheckpointError(f"there is no folder {str(name)!r}")
    else:
        folder = download(name, revision)
    missing = [file for file in FILES if not (folder / file).is_file()]
    if not any((folder / file).is_file() for file in TOKENIZER_FILES):
        missing.append(" or ".join(TOKENIZER_FILES))
    if "model.safetensors" in missing and (folder / "pytorch_model.bin").is_file():
        raise CheckpointError(
            f"{folder} has its weights only as pytorch_model.bin. Unpickling that would run "
            "whatever code is in it, so minibert reads safetensors alone. If you trust the file, "
            "convert it: transformers.BertForPreTraining.from_pretrained(FOLDER)"
            ".save_pretrained(NEW_FOLDER), or with the class that config.json names"
        )
    if missing:
        raise CheckpointError(f"{folder} has no {', '.join(missing)}")
    return folder


def download(name: str, revision: str | None) -> Path:
    """Fetch the files from the Hub, or find them in its cache."""
    # pytorch_model.bin is not among them: where a model has nothing else, find_folder says so.
    # Of a model that writes also the decoder's own vocabulary, and how it begins and ends.
    tokenizer = [*TOKENIZER_FILES, "tokenizer_config.json"]
    target = [f"target/{file}" for file in tokenizer]
    wanted = [*FILES, *tokenizer, *target, "generation_config.json"]
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except Exception as error:  # of the system, of the Hub's client, or of a library below it
        cause = error.__cause__ or error
        kind = type(error).__name__
        if kind == "RepositoryNotFoundError":
            why = "is neither a folder here nor a public model on the Hub"
        elif kind == "RevisionNotFoundError":
            why = f"has no revision {revision!r} on the Hub"
        elif kind == "HFValidationError":
            why = f"is neither a folder here nor a name that the Hub could have ({error})"
        else:
            why = (
                "is not a folder here, not in the Hub's cache, and the Hub cannot be reached "
                f"({type(cause).__name__}: {cause}); load_bert() without a name needs no network"
            )
    raise CheckpointError(f"{name[:100]!r} {why}")


@contextmanager
def open_weights(folder: Path) -> Iterator[safe_open]:
    """The folder's model.safetensors, open; a broken one is a CheckpointError."""
    file = folder / "model.safetensors"
    try:
        file.open("rb").close()  # where that is forbidden, safe_open would say that it is not there
        with safe_open(file, framework="pt") as weights:
            yield weights
    except SafetensorError as error:
        raise CheckpointError(f"{file} is broken or cut short ({error}); fetch it again") from None


def read_tensor(file: safe_open, folder: Path, name: str) -> torch.Tensor:
    """A tensor of the folder's model.safetensors, which is open as `file`.

    A matrix is mapped from the file by itself: of several from one opening, none would leave memory
    before the last. A bias, smaller than what a mapping costs, is copied.
    """
    if len(file.get_slice(name).get_shape()) == 1:
        return file.get_tensor(name).clone()
    with open_weights(folder) as own:
        return own.get_tensor(name)
