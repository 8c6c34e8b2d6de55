"""The part of each set that a search sees, as files: settings are chosen on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelrepair.examples.splits import cut
from modelrepair.plugin import SetName
from modelrepair_lab.sets import as_line, examples_of

FAMILIES: tuple[tuple[SetName, ...], ...] = (("realign", "refusal"), ("utility",), ("borderline",))
"""Sets that are cut together: harmful prompts are the same ones in both."""


def select_sets(sets: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Write the select part of each set, as a repair cuts it where there are test sets.

    That is the last third of a family's prompts, in the order of their hashes.

    >>> select_sets({"realign": "realign.jsonl", "utility": "utility.jsonl"}, Path("select"))
    ... # doctest: +SKIP

    Args:
        sets: files by the names of a repair's arguments.
        folder: where the parts are written.

    Raises:
        ExampleSetError: a file can't be read.
    """
    found: dict[str, Path] = {}
    for family in FAMILIES:
        read = {
            name: examples_of(sets[name], name)
            for name in family
            if sets.get(name) is not None and Path(str(sets[name])).is_file()
        }
        everyone = {each.key: each for examples in read.values() for each in examples}
        bare = (replace(each, kind=None) for each in everyone.values())  # not cut kind by kind
        selected = {*cut(bare, reports=False)[1]}
        for name, examples in read.items():
            found[name] = folder / f"{name}.jsonl"
            rows = [as_line(each) for each in examples if each.key in selected]
            found[name].write_text("".join(rows), encoding="utf-8")
    return found
