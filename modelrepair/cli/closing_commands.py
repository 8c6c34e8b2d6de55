"""Commands to copy: what was typed, changed; and those that follow a repair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from modelrepair.examples.keys import SetKey
from modelrepair.publishing.options import from_here
from modelrepair.text.pasted import as_argument, pasted

FLAGS = ("--no-evaluate", "--merge")
"""Options that a next step adds or leaves out, and that take no value."""
ELSEWHERE = ("judge_endpoint", "judge_endpoint_model")
"""Options that say where the judge's model answers."""


@dataclass(frozen=True)
class Asked:
    """What was asked of a repair, as it was typed.

    Args:
        source: the model.
        typed: all words behind the program's name.
        options: by name; of them the places and the push are read.
    """

    source: str
    typed: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def again(
    asked: Asked, *, add: Sequence[str] = (), drop: Sequence[str] = (), beside: str | None = None
) -> str:
    """The command that was typed, changed: what it says, goes to a folder that is free.

    >>> asked = Asked("m", ("fix", "m", "--ratio", "0.1", "--no-evaluate"))
    >>> again(asked, add=("--scorer", "contrast"), drop=("--ratio",))
    'modelrepair fix m --no-evaluate --scorer contrast'

    Args:
        asked: what was typed.
        add: words to add.
        drop: options to leave out, with their values.
        beside: the folder that this run wrote, which the next can't have.
    """
    words = list(asked.typed or ("fix", asked.source))
    if "--" in words:  # behind which no option is read, and some are added
        at = words.index("--")
        words[at:] = map(as_argument, words[at + 1 :])
    if beside is not None:
        folder = Path(beside)
        names = (f"{folder.name}-{number}" for number in count(2))
        free = next(name for name in names if not folder.with_name(name).exists())
        drop = (*drop, "--out")
        add = (*add, "--out", str(folder.with_name(free)))
    options = (*drop, *(word for word in add if word.startswith("--")))
    return pasted(["modelrepair", *_without(words, options), *add])


def verify_command(report: Mapping[str, Any], asked: Asked) -> str:
    """The command by which a saved repair can be checked here, with the places as typed.

    >>> verify_command({"out": "mine-repaired", "manifest": {"subject": "delta"}},
    ...                Asked("mine", options={"reference": "./base"}))
    'modelrepair verify mine-repaired --source mine --reference ./base'
    """
    manifest: Mapping[str, Any] = report["manifest"] or {}
    base = asked.options.get("base")
    words = ["--source", asked.source]
    if manifest.get("subject") == "delta":
        reference = asked.options.get("reference", "auto")
        if reference == "auto":
            reference = base or manifest["reference"]["id"]
        words += ["--reference", reference]
    if manifest.get("adapter"):
        words += ["--base", base or manifest["base"]["id"]]
    return command("verify", str(where(report)), *words)


def decide_command(out: str, asked: Asked) -> str:
    """The command that decides a repair, with what no manifest holds: paths, and the judge's place.

    >>> decide_command("m-repaired", Asked("m", options={"realign": "./mine", "utility": "plain"}))
    'modelrepair decide m-repaired --before URL --after URL --realign ./mine'

    Args:
        out: the repair's folder.
        asked: what the repair was asked for.
    """
    from modelrepair.examples.find import is_path

    typed = {name: asked.options.get(name) for name in ("base", *SetKey, *ELSEWHERE)}
    again = [
        word
        for name, value in typed.items()
        if value is not None and (name in ELSEWHERE or is_path(value))
        for word in (f"--{name.replace('_', '-')}", value)
    ]
    return command("decide", out, "--before", "URL", "--after", "URL", *again)


def where(report: Mapping[str, Any]) -> str | None:
    """The folder that a repair wrote, seen from here; None where it wrote none."""
    return None if report["out"] is None else from_here(Path(report["out"]))


def command(name: str, model: str, *words: str) -> str:
    """A command about a model, as it can be pasted.

    >>> command("push", "my model", "--force")
    'modelrepair push "my model" --force'
    """
    return pasted(["modelrepair", name, as_argument(model), *words])


def _without(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """Words without some options and their values."""
    kept: list[str] = []
    values = False
    for word in words:
        if word in options:
            values = word not in FLAGS
        elif values and not word.startswith("--"):
            values = False
        elif word.partition("=")[0] not in options:
            kept.append(word)
            values = False
    return kept
