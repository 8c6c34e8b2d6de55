"""Stage 1, the weights: which files a loader takes, and which lie beside them."""

from __future__ import annotations

from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.checkpoint.roles import is_ours, loaded
from modelrepair.checkpoint.weight_files import ADAPTER, ADAPTER_CONFIG, INDEX, WEIGHTS
from modelrepair.errors import DamagedCheckpointError
from modelrepair.source.look import is_weights
from modelrepair.text.printable import printable

INDEX_LIES = Rule(
    "MR-WGT-001",
    "metadata",
    "error",
    "bad-index",
    "the index of the weights can't be read, or names a file that is not there or lies outside",
    "ask the author to upload index and weights again",
)
TWO_SETS = Rule(
    "MR-WGT-002",
    "metadata",
    "error",
    "two-sets-of-weights",
    "there are two sets of weights, and loaders differ in which they take",
    "ask the author to remove the one that is not meant",
)
UNNAMED = Rule(
    "MR-WGT-003",
    "metadata",
    "warning",
    "unnamed-weights",
    "a weight file lies beside the model that its index or usual name does not name",
    "ask the author what it is; some loaders take every safetensors file of a folder",
)
UNREAD = Rule(
    "MR-WGT-004",
    "metadata",
    "note",
    "unread-weights",
    "there are weights in other formats or folders, which are not looked at here",
    "audit them on their own, or ask the author to remove them",
)


def index_lies(context: Context) -> Finding:
    """Whether each file that the index names is a safetensors file of the folder."""
    target = context.target
    if INDEX not in target.files:
        return INDEX_LIES.clear("there is no index")
    try:
        named = indexed(target)
    except DamagedCheckpointError as error:
        return INDEX_LIES.found(str(error), files=[INDEX])
    bad = {name: why for name in named if (why := _bad(name, target)) is not None}
    if not bad:
        return INDEX_LIES.clear(f"all {len(named)} files that {INDEX} names are there",
                                count=len(named))  # fmt: skip
    shown = {printable(name)[:200]: why for name, why in sorted(bad.items())[:20]}
    name, why = next(iter(shown.items()))
    more = f", and {len(bad) - 1:,} more" if len(bad) > 1 else ""
    return INDEX_LIES.found(f"{INDEX} names {name!r}: {why}{more}", files=[INDEX], bad=shown)


def _bad(name: str, target: Opened) -> str | None:
    if name.startswith(("/", "~")) or "\\" in name or ".." in name.split("/") or ":" in name:
        return "outside the folder"
    if not name.endswith(".safetensors"):
        return "no safetensors file"
    facts = target.files.get(name)
    return "not there" if facts is None or facts.unreadable else None


def indexed(target: Opened) -> list[str]:
    """The files that the index of a model names, in order; empty where there is no index.

    >>> from modelrepair.demo import paths
    >>> from modelrepair.auditing.opened import opened
    >>> with opened(paths.attacked) as model:
    ...     indexed(model)
    []

    Args:
        target: the model.

    Raises:
        DamagedCheckpointError: it is no index.
        ModelRepairError: it can't be read.
    """
    if INDEX not in target.files:
        return []
    found: Any = target.object(INDEX).get("weight_map")
    if (
        not isinstance(found, dict)
        or not found
        or not all(isinstance(each, str) for each in found.values())
    ):
        raise DamagedCheckpointError(
            f"{INDEX} has no weight_map from tensor names to file names",
            hint="download or copy the index again",
        )
    return sorted(set(found.values()))


def two_sets(context: Context) -> Finding:
    """A single file and an index of others, or a whole model and an adapter."""
    target = context.target
    whole = [name for name in (WEIGHTS, INDEX) if name in target.files]
    if target.is_adapter and whole:
        sets = [whole[0], ADAPTER_CONFIG]
        return TWO_SETS.found(f"a whole model ({sets[0]}) and an adapter ({sets[1]})", files=sets)
    if len(whole) == 2 and indexed(target) != [WEIGHTS]:
        return TWO_SETS.found(f"{WEIGHTS} and the files of {INDEX}", files=whole)
    return TWO_SETS.clear("one set of weights" if whole or target.is_adapter else "no second set")


def unnamed(context: Context) -> Finding:
    """Safetensors files at the top that no loader of the usual names takes."""
    target = context.target
    found = [name for name in target.files if is_weights(name)]
    taken = {WEIGHTS, ADAPTER, *indexed(target)}
    if not taken & set(found) and INDEX not in target.files:
        if len(found) > 1:
            why = f"{len(found)} weight files, and no index"
            return UNNAMED.inconclusive(why, files=sorted(found)[:20])
        taken |= set(found)
    others = sorted(set(found) - taken)
    if not others:
        return UNNAMED.clear("each weight file is one that a loader takes", count=len(found))
    return UNNAMED.found(f"no index names {listed(others)}", files=others, count=len(others))


def unread(context: Context) -> Finding:
    """Weights of other formats, and those in folders."""
    target = context.target
    found = sorted(name for name in target.files if _unread(name))
    if not found:
        return UNREAD.clear("no weights in other formats or folders")
    return UNREAD.found(f"not looked at: {listed(found)}", files=found, count=len(found))


def _unread(name: str) -> bool:
    if loaded(name) not in ("weights", "pickle") or is_weights(name) or is_ours(name):
        return False
    return not name.endswith(".index.json")


CHECKS: tuple[Check[Context], ...] = (
    (INDEX_LIES, index_lies),
    (TWO_SETS, two_sets),
    (UNNAMED, unnamed),
    (UNREAD, unread),
)
