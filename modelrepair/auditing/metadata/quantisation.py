"""Stage 1, quantisation: what config and files beside it say, against the weights' headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from modelrepair.auditing.context import Context
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.source.quantised import FILES, PLAIN, left_in_plain, quantised, scales
from modelrepair.text.printable import printable

LEFT = Rule(
    "MR-QNT-001",
    "metadata",
    "warning",
    "quantisation-left-over",
    "a config says that the weights are quantised, and they are plain numbers",
    "ask the author to remove the key: a loader may fail, or read the numbers as something else",
)
UNSAID = Rule(
    "MR-QNT-002",
    "metadata",
    "warning",
    "quantisation-unsaid",
    "weights are quantised, or scales lie beside plain ones, and no config says so",
    "ask the author how they were quantised: a loader reads them as plain numbers",
)


def left(context: Context) -> Finding:
    """A key or file of a quantisation beside plain weights."""
    target = context.target
    entries = list(target.checkpoint.entries.values())
    said = quantised(target.config, ())
    beside = [name for name in FILES if name in target.files]
    if said is None and not beside:
        return LEFT.clear("nothing says that the weights are quantised")
    dtypes = _dtypes(entries)
    key = left_in_plain(target.config, entries)
    if key is not None:
        method = printable(str(said))[:60]
        return LEFT.found(f"config.json says {key} ({method}), and the weights are plain numbers",
                          files=["config.json"], key=key, method=method, dtypes=dtypes)  # fmt: skip
    # Methods that quantise while they compute have plain weights, and a key that says so.
    if beside and said is None and set(dtypes) <= set(PLAIN) and not scales(entries):
        return LEFT.found(f"{listed(beside)} beside plain weights", files=beside, dtypes=dtypes)
    return LEFT.clear("the weights are as the config says", method=said and printable(said)[:60])


def unsaid(context: Context) -> Finding:
    """Quantised weights, or scales, that no config speaks of."""
    target = context.target
    entries = list(target.checkpoint.entries.values())
    beside = [name for name in FILES if name in target.files]
    if quantised(target.config, ()) is not None or beside:
        return UNSAID.clear("a config says how the weights are quantised")
    how = quantised({}, entries)
    if how is not None:
        return UNSAID.found(
            f"no config says it, but {printable(how)[:200]}", dtypes=_dtypes(entries)
        )
    beside_plain = scales(entries)
    if beside_plain:
        shown = [printable(name)[:200] for name in beside_plain]
        return UNSAID.found(f"scales beside plain weights: {listed(shown)}", count=len(shown),
                            tensors=sorted(shown)[:20])  # fmt: skip
    return UNSAID.clear("plain numbers", dtypes=_dtypes(entries))


def _dtypes(entries: Iterable[TensorEntry]) -> dict[str, int]:
    """Data type → tensors that have it."""
    return dict(sorted(Counter(each.dtype for each in entries).items()))


CHECKS: tuple[Check[Context], ...] = ((LEFT, left), (UNSAID, unsaid))
