"""Which files of a source a repaired model carries, and why the others stay behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from modelrepair.checkpoint.folder import ADAPTER_CONFIG
from modelrepair.checkpoint.plain import find_file, read_file
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError

CARD_NAME = "README.md"
CARD_LIMIT = 16 * 2**20
OUR_FOLDER = "repair"
CONFIGS = ("config.json", ADAPTER_CONFIG)

_TEXT = r"json|txt|md|rst|jinja2?|ya?ml|toml"
_TOKENIZERS = r"model|spm|sp|spiece|vocab|merges|codes|bpe|tiktoken"
_MEDIA = r"png|jpe?g|gif|svg|webp|avif|ico|mp3|wav|flac|ogg|mp4|webm|pdf"
_KEPT = re.compile(rf"\.({_TEXT}|{_TOKENIZERS}|{_MEDIA})$|^(licen[sc]e|copying|notice|authors)")
_STATE = re.compile(r"^((optimizer|scheduler|scaler|trainer_state)\.|rng_state|zero_pp_rank)")
_STATE_FOLDER = re.compile(r"^(checkpoint-|global_step)")
_OTHER_WEIGHTS = re.compile(
    r"^consolidated\.|\.(bin|pt|pth|ckpt|gguf|ggml|onnx|onnx_data|h5|keras|msgpack|ot|tflite|pb"
    r"|mlmodel|npz|npy|engine|nemo|distcp|llamafile)$"
)
_PICKLE = re.compile(r"\.(pkl|pickle|joblib|dill)$")
_CODE = re.compile(r"\.(pyc?|ipynb|sh|so|dll|dylib|exe|js|bat|ps1|cu|c|cpp|rs)$")


@dataclass(frozen=True)
class Files:
    """The files of a source, sorted into the three fates that a repair knows.

    Args:
        weights: weight files of the checkpoint, in its order: masked entries change in them.
        kept: files that stay byte for byte, sorted; the weights' index is among them.
        index: the weights' index, where there is one.
        left_behind: name → reason; a whole folder stands as one name that ends in a slash.
    """

    weights: tuple[str, ...]
    kept: tuple[str, ...]
    index: str | None = None
    left_behind: Mapping[str, str] = field(default_factory=dict)


def reason_left_behind(name: str) -> str | None:
    """Why a file that is no weight file of the checkpoint stays behind; None where it is kept.

    By its name alone, so that a download can ask before it fetches.

    >>> reason_left_behind("training_args.bin")
    'training state, a pickle'
    >>> reason_left_behind("tokenizer.model") is None
    True

    Args:
        name: path inside the repository, with forward slashes.
    """
    path = PurePosixPath(name)
    folders, last = path.parts[:-1], path.name.lower()
    if any(part.startswith(".") for part in path.parts):
        return "hidden"
    if path.parts[0].lower() == OUR_FOLDER:
        return "the record of an earlier repair"
    if not folders and last == CARD_NAME.lower():
        return "the old card, quoted below the new one"
    if last == "training_args.bin":
        return "training state, a pickle"
    if _STATE.match(last) or any(map(is_training_state, folders)):
        return "training state"
    if last.endswith(".index.json"):
        return "index of weights that are left behind"
    if last.endswith(".safetensors"):
        return "weights that the model's index does not name"
    for pattern, reason in (
        (_PICKLE, "a pickle"),
        (_OTHER_WEIGHTS, "weights in another format"),
        (_CODE, "custom code"),
    ):
        if pattern.search(last):
            return reason
    return None if _KEPT.search(last) else "not a kind of file that the model needs"


def is_training_state(folder: str) -> bool:
    """Whether a folder of this name holds a state of the training.

    >>> is_training_state("checkpoint-500")
    True
    """
    return _STATE_FOLDER.match(folder.lower()) is not None


def classify(
    folder: str | Path, *, weights: Sequence[str] | None = None, index: str | None = None
) -> Files:
    """Sort the files of a source into weights, kept, and left behind with a reason.

    >>> classify("model").kept  # doctest: +SKIP
    ('LICENSE', 'config.json', 'tokenizer.json', 'tokenizer_config.json')

    Args:
        folder: the source; a snapshot in the Hugging Face cache will do.
        weights: names of the weight files; asked of the checkpoint where not given.
        index: name of the weights' index, where ``weights`` is given.

    Raises:
        UnsupportedModelError: no checkpoint that can be read, or a config or weight file that is
            a link out of the folder.
    """
    folder = Path(folder)
    if weights is None:
        # Imported late: a caller that knows its weight files needs no numpy.
        from modelrepair.checkpoint.reader import Checkpoint

        checkpoint = Checkpoint.open(folder)
        weights, index = checkpoint.files, checkpoint.index
    named = {*weights, *([index] if index else []), *CONFIGS}
    kept: list[str] = []
    left_behind: dict[str, str] = {}
    for name, reason in _walk(folder):
        if name in named and reason is not None:
            raise UnsupportedModelError(
                f"{name} can't be published as it is: {reason}",
                hint="copy the file into the folder; links may not leave it",
            )
        if name not in named and reason is None:
            reason = reason_left_behind(name) or _disguise(folder / name)
        if reason is not None:
            left_behind[name] = reason
        elif name not in weights:
            kept.append(name)
    return Files(tuple(weights), tuple(sorted(kept)), index, dict(sorted(left_behind.items())))


def card_text(folder: str | Path) -> str | None:
    r"""The source's own card, or None where it has none.

    >>> card_text("model")  # doctest: +SKIP
    '---\nlicense: apache-2.0\n---\n# My model\n'
    """
    data = read_file(Path(folder), CARD_NAME, CARD_LIMIT)
    return None if data is None else data.decode("utf-8", errors="replace")


def _walk(folder: Path) -> Iterator[tuple[str, str | None]]:
    """Every file as (name, reason that follows from where it lies); hidden folders unopened."""
    pending = [folder]
    while pending:
        for path in sorted(pending.pop().iterdir()):
            name = path.relative_to(folder).as_posix()
            if path.is_dir():
                if path.is_symlink():
                    yield f"{name}/", "a link to a folder"
                elif name.startswith(".") or path.name.startswith("."):
                    yield f"{name}/", "hidden"
                elif name.lower() == OUR_FOLDER:
                    yield f"{name}/", "the record of an earlier repair"
                elif is_training_state(path.name):
                    yield f"{name}/", "training state"
                else:
                    pending.append(path)
            else:
                yield name, _no_plain_file(folder, name)


def _no_plain_file(folder: Path, name: str) -> str | None:
    try:
        return None if find_file(folder, name) else "a link to nothing"
    except DamagedCheckpointError as error:
        return str(error).removeprefix(f"{name!r} is ")


def _disguise(path: Path) -> str | None:
    """What a file really is, where its first bytes are those of a pickle or a zip archive."""
    with path.open("rb") as file:
        start = file.read(2)
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle under another name"
    return "an archive under another name" if start == b"PK" else None
