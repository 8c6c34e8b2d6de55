"""Which files of a source a repaired model carries, and why the others stay behind."""

from __future__ import annotations

import fnmatch
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelrepair.checkpoint.roles import CARD_NAME as CARD_NAME
from modelrepair.checkpoint.roles import (
    NEEDED,
    NEVER,
    Role,
    folded,
    is_of_the_model,
    is_training_state,
    role,
)
from modelrepair.checkpoint.roles import OUR_FOLDER as OUR_FOLDER
from modelrepair.checkpoint.shown import shown_by
from modelrepair.checkpoint.untrusted import TEXT_LIMIT, find_file, read_file
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG
from modelrepair.errors import DamagedCheckpointError, UsageError

CARD_LIMIT = 16 * 2**20
_READ: frozenset[Role] = NEEDED | {"card", "index"}
"""What loaders open without being asked, and what we publish text of."""
CONFIGS = ("config.json", ADAPTER_CONFIG)
LAB_MARK = "modelrepair_lab"
"""The key of a config that says: this model was broken on purpose, and is never pushed."""
CHAT_TEMPLATES = "additional_chat_templates"

_REASONS: Mapping[Role, str] = {
    "hidden": "hidden",
    "ours": "the record of an earlier repair",
    "card": "the old card, quoted below the new one",
    "training state": "training state",
    "index": "index of weights that are left behind",
    "weights": "weights that the model's index does not name",
    "other weights": "weights in another format",
    "pickle": "a pickle",
    "code": "custom code",
    "archive": "an archive",
    "credentials": "credentials, by its name",
    "media": "no picture that the card shows",
    "other": "not a kind of file that the model needs",
}
_ELSEWHERE = "of another model, in a folder of its own"
_CONFIGS: frozenset[Role] = frozenset({"config", "generation config"})


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


def reason_left_behind(
    name: str, include: Sequence[str] = (), shown: Collection[str] | None = None
) -> str | None:
    """Why a file that is no weight file of the checkpoint stays behind; None where it is kept.

    By its name alone, so that a download can ask before it fetches.

    >>> reason_left_behind("training_args.bin"), reason_left_behind("tokenizer.model")
    ('training state, a pickle', None)
    >>> reason_left_behind("notes.csv", ["*.csv"]), reason_left_behind("token.txt", ["*"])
    (None, 'credentials, by its name')

    Args:
        name: path inside the repository, with forward slashes.
        include: globs of files to keep, too, where their role lets them be kept at all.
        shown: what the card shows; None where the card was not read yet: any picture may be.
    """
    kind = role(name)
    if kind in NEVER:
        if folded(name) == "training_args.bin":
            return "training state, a pickle"
        return _REASONS[kind]
    if kind in _CONFIGS and not is_of_the_model(name):
        reason = _ELSEWHERE
    elif kind in NEEDED or (kind == "media" and (shown is None or name in shown)):
        return None
    else:
        reason = _REASONS[kind]
    return None if any(fnmatch.fnmatchcase(name, glob) for glob in include) else reason


def kinds_left_behind(left_behind: Mapping[str, str]) -> dict[str, int]:
    """How many files of each kind stayed behind: what may be published of a folder on a machine.

    >>> kinds_left_behind({"token.txt": "credentials, by its name", "a.csv": "whatever"})
    {'credentials': 1, 'other': 1}

    Args:
        left_behind: name → reason.
    """
    return dict(sorted(Counter(_kind(reason) for reason in left_behind.values()).items()))


def by_reason(left_behind: Mapping[str, str]) -> dict[str, str]:
    """The files that stay behind, all of them by name, under the reasons.

    >>> by_reason({"a.csv": "custom", "b.py": "code", "c.csv": "custom"})
    {'custom': 'a.csv, c.csv', 'code': 'b.py'}
    """
    found: dict[str, str] = {}
    for name, reason in left_behind.items():
        found[reason] = f"{found[reason]}, {name}" if reason in found else name
    return found


def _kind(reason: str) -> str:
    shown = {_REASONS[kind]: kind for kind in ("training state", "credentials", "hidden", "code")}
    shown |= {_REASONS[kind]: "other weights" for kind in ("weights", "other weights", "index")}
    shown["training state, a pickle"] = "training state"
    if reason in (_REASONS["pickle"], "a pickle under another name"):
        return "pickles"
    return shown.get(reason, "other")


def check_include(
    include: Sequence[str], left_behind: Mapping[str, str], kept: Collection[str]
) -> None:
    """Refuse a glob that takes no file along.

    >>> check_include(["*.csv"], {}, ["notes.csv"])
    >>> check_include(["*.py"], {"run.py": "custom code"}, [])
    Traceback (most recent call last):
    modelrepair.errors.UsageError: --include '*.py' can't take 'run.py': custom code
    Hint [...]: ...

    Args:
        include: the globs.
        left_behind: what stays behind all the same, with the reason.
        kept: what does not.

    Raises:
        UsageError: one matches nothing, or only files that are never taken.
    """
    for glob in include:
        if any(fnmatch.fnmatchcase(name, glob) for name in kept):
            continue
        never = [name for name in left_behind if fnmatch.fnmatchcase(name, glob)]
        if never:
            raise UsageError(
                f"--include {glob!r} can't take {never[0]!r}: {left_behind[never[0]]}",
                hint="weights, pickles, archives, code, credentials and states stay behind",
            )
        raise UsageError(
            f"--include {glob!r} matches no file of the source",
            hint="a glob is compared with names inside the model's folder, such as notes/*.txt",
        )


def classify(
    folder: str | Path,
    *,
    weights: Sequence[str] | None = None,
    index: str | None = None,
    include: Sequence[str] = (),
) -> Files:
    """Sort the files of a source into weights, kept, and left behind with a reason.

    >>> classify("model").kept  # doctest: +SKIP
    ('LICENSE', 'config.json', 'tokenizer.json', 'tokenizer_config.json')

    Args:
        folder: the source; a snapshot in the Hugging Face cache will do.
        weights: names of the weight files; asked of the checkpoint where not given.
        index: name of the weights' index, where ``weights`` is given.
        include: globs of files to keep, too.

    Raises:
        UnsupportedModelError: no checkpoint that can be read, or a weight file or one that is
            read is a link out of the folder.
    """
    folder = Path(folder)
    if weights is None:
        # Imported late: a caller that knows its weight files needs no numpy.
        from modelrepair.checkpoint.reader import Checkpoint

        checkpoint = Checkpoint.open(folder)
        weights, index = checkpoint.files, checkpoint.index
    named = {*weights, *([index] if index else []), *CONFIGS}
    shown = shown_by(card_text(folder))
    kept: list[str] = []
    spelt = {folded(name): name for name in named}
    left_behind: dict[str, str] = {}
    for name, reason in _walk(folder):
        if reason is not None and (name in named or is_read(name)):
            raise _unreadable(name, reason)
        if name not in named and reason is None:
            reason = reason_left_behind(name, include, shown) or _disguise(folder / name)
        if reason is None and spelt.setdefault(folded(name), name) != name:
            # On a disk that ignores case, one would be written over the other.
            reason = f"another spelling of {spelt[folded(name)]}"
        if reason is not None:
            left_behind[name] = reason
        elif name not in weights:
            kept.append(name)
    return Files(tuple(weights), tuple(sorted(kept)), index, dict(sorted(left_behind.items())))


def check_links(folder: str | Path) -> None:
    """Refuse a model of which a file that is read is a link out of its root, or no plain file.

    Loaders follow links: what such a one leads to would be taken for the model's and published.

    >>> check_links("model")  # doctest: +SKIP

    Args:
        folder: the model; a snapshot in the Hugging Face cache will do.

    Raises:
        DamagedCheckpointError: there is such a file, or a text that is larger than it can need.
    """
    folder = Path(folder)
    for name, reason in _walk(folder) if folder.is_dir() else ():
        if not is_read(name):
            continue
        if reason is not None:
            raise _unreadable(name, reason)
        if role(name) != "tokenizer" and (folder / name).stat().st_size > TEXT_LIMIT:
            raise DamagedCheckpointError(
                f"{name} has over {TEXT_LIMIT:,} bytes, more than such a file can need",
                hint="download or copy the model again",
            )


def is_read(name: str) -> bool:
    """Whether a file of a model, or a link in the place of a folder, is read on the way.

    >>> is_read("tokenizer.json"), is_read("notes.csv"), is_read("additional_chat_templates/")
    (True, False, True)
    """
    return role(name) in _READ or name == f"{CHAT_TEMPLATES}/"


def _unreadable(name: str, reason: str) -> DamagedCheckpointError:
    return DamagedCheckpointError(
        f"{name!r} is {reason}",
        hint="copy the file into the model's folder, if you trust it: links may not leave it",
        id="link-out-of-model",
    )


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
    """What a file really is, by its first bytes: a pickle, an archive, a script."""
    with path.open("rb") as file:
        start = file.read(2)
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle under another name"
    if start == b"#!":
        return "code under another name"
    return "an archive under another name" if start in (b"PK", b"\x1f\x8b") else None


# The Hub's download client leaves it; no loader reads it.
_FROM_THE_CLIENT = ".cache/huggingface/"
# What git, a Mac and Windows leave in folders that they are shown.
_FROM_GIT = (".git", ".git/")
_FROM_SYSTEMS = frozenset({".ds_store", "thumbs.db", "desktop.ini"})


def files_of(folder: Path) -> Iterator[str]:
    """Every file below a folder, but what the Hub and its client put there.

    >>> sorted(files_of(Path("model-repaired")))  # doctest: +SKIP
    ['README.md', 'config.json', 'model.safetensors', 'repair/manifest.json', …]
    """
    for path, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(path) / name).is_symlink()]
        for name in [*names, *links]:
            relative = (Path(path) / name).relative_to(folder).as_posix()
            if not is_foreign_to_all(relative):
                yield relative


def is_foreign_to_all(name: str) -> bool:
    """Whether the Hub, its client, git or a system put a file there, which no loader reads.

    >>> [is_foreign_to_all(name) for name in (".git/config", "a/.DS_Store", ".gitattributes")]
    [True, True, True]
    """
    return (
        name in (HUBS_OWN, _FROM_GIT[0])
        or name.startswith((_FROM_THE_CLIENT, _FROM_GIT[1]))
        or name.rpartition("/")[2].lower() in _FROM_SYSTEMS
    )


HUBS_OWN = ".gitattributes"
