"""Whether two models hold the same file: by its digest, before a byte of it is fetched."""

from __future__ import annotations

import hashlib
from typing import Literal

from modelrepair.auditing.opened import Opened
from modelrepair.checkpoint.untrusted import TEXT_LIMIT, read_file
from modelrepair.errors import InconclusiveError

SHARE = 2
"""A file whose digest differs is read where it takes no more than 1/2 of the budget: the weights
are compared with what is left."""


def same_bytes(one: Opened, other: Opened, name: str) -> bool:
    """Whether both models hold a file with the same bytes, or neither holds it.

    On the Hub, its SHA-256 or its name in git is known; of a folder, it is worked out.

    >>> from modelrepair.auditing.opened import opened
    >>> from modelrepair.demo import paths
    >>> with opened(paths.attacked) as one, opened(paths.reference) as other:
    ...     same_bytes(one, other, "tokenizer.json")
    True

    Args:
        one: a model.
        other: another.
        name: of the file, in both.

    Raises:
        ModelRepairError: a file here can't be read.
    """
    ours, theirs = one.files.get(name), other.files.get(name)
    if ours is None or theirs is None:
        return ours is theirs
    if ours.size != theirs.size:
        return False
    kind: Literal["sha256", "git"] = "sha256"
    facts = [facts for model, facts in ((one, ours), (other, theirs)) if not model.here]
    if facts and not all(each.sha256 for each in facts):
        kind = "git"
    if kind == "git" and any(each.sha256 for each in facts):
        # One is kept as a large file and one in git: no digest is known of both.
        return read_small(one, name) == read_small(other, name)
    return _digest(one, name, kind) == _digest(other, name, kind)


def _digest(model: Opened, name: str, kind: Literal["sha256", "git"]) -> str | None:
    facts = model.files[name]
    if not model.here:
        return facts.sha256 if kind == "sha256" else facts.blob
    # What lies here costs no transfer, and so none of the budget.
    data = read_file(model.source.folder, name) or b""
    if kind == "sha256":
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def read_small(model: Opened, name: str) -> bytes | None:
    """A file that is compared by what it holds, where it leaves enough of the budget.

    >>> from modelrepair.auditing.opened import opened
    >>> from modelrepair.demo import paths
    >>> with opened(paths.attacked) as model:
    ...     len(read_small(model, "tokenizer.json"))
    9666

    Args:
        model: a model.
        name: of the file.

    Raises:
        InconclusiveError: it would take too much of the budget.
        ModelRepairError: as `Opened.read`.
    """
    facts = model.files.get(name)
    kept = (model.source.folder / name).is_file()
    if facts is not None and not kept and facts.size > model.budget // SHARE:
        raise InconclusiveError(
            f"{name} of {model.name} has {facts.size:,} bytes, over 1/{SHARE} of the budget",
            hint=f"--budget {SHARE * facts.size} reads it",
        )
    if model.here:
        return None if facts is None else read_file(model.source.folder, name, TEXT_LIMIT)
    return model.read(name)
