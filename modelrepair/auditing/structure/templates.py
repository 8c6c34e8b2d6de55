"""Stage 2, chat templates: all that a model holds, against the base's, shown as a diff."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule, Severity, listed
from modelrepair.auditing.structure.template_content import Suspicion, suspicions
from modelrepair.text.printable import printable

DIFFERS = Rule(
    "MR-TPL-001",
    "structure",
    "warning",
    "template-differs",
    "a chat template is not the base's",
    "read the diff: a template can add instructions, or answer some words in its own way",
)
CONTENT = Rule(
    "MR-TPL-002",
    "structure",
    "warning",
    "template-content",
    "a chat template holds what few need: conditions on words or dates, orders, hidden characters",
    "read the lines that are shown; render the template for the words that they name",
)
SEVERAL = Rule(
    "MR-TPL-003",
    "structure",
    "warning",
    "templates-contradict",
    "two files hold different chat templates of one name, and loaders differ in which they take",
    "ask the author to remove the one that is not meant",
)

_CONFIG = "tokenizer_config.json"
_FILES = ("chat_template.jinja", "chat_template.json")
_FOLDER = "additional_chat_templates"
MOST_LINES = 200
LONGEST = 400
MOST_PIECES = 2_000
"""Lines of each that are compared: real templates have hundreds, and a diff takes their square."""


def templates(model: Opened) -> dict[str, dict[str, str]]:
    """Name of a template → file that holds it → its text; loaders take the last file's.

    >>> from modelrepair.auditing.opened import opened
    >>> from modelrepair.demo import paths
    >>> with opened(paths.attacked) as model:
    ...     {name: list(held) for name, held in templates(model).items()}
    {'default': ['tokenizer_config.json']}

    Args:
        model: a model.

    Raises:
        ModelRepairError: a file that holds one can't be read.
    """
    found: dict[str, dict[str, str]] = {}

    def add(name: str, file: str, text: Any) -> None:
        if isinstance(text, str):
            found.setdefault(name, {})[file] = text

    for file in (_CONFIG, "chat_template.json", "processor_config.json"):
        held = model.object(file).get("chat_template")
        if isinstance(held, Mapping):
            held = [{"name": name, "template": text} for name, text in held.items()]
        for each in held if isinstance(held, list) else ():
            if isinstance(each, dict):
                add(str(each.get("name")), file, each.get("template"))
        add("default", file, held)
    for file in sorted(model.files):
        path = PurePosixPath(file)
        if file == "chat_template.jinja" or (
            str(path.parent) == _FOLDER and path.suffix == ".jinja"
        ):
            name = "default" if file == "chat_template.jinja" else path.stem
            add(name, file, (model.read(file) or b"").decode("utf-8", "replace"))
    return found


def differs(context: Context) -> Finding:
    """Each template against the base's of its name."""
    base, target = context.known_base, context.target
    held, theirs = templates(target), templates(base)
    own, its = _taken(held), _taken(theirs)
    if not own and target.is_adapter:
        return DIFFERS.clear("the adapter has none: loaders take its base's")
    if not own and not its:
        return DIFFERS.clear("neither model has a chat template")
    if not own:
        return DIFFERS.found("the base has a chat template, and this model has none")
    changed = {name: text for name, text in own.items() if its.get(name) != text}
    lost = sorted(its.keys() - own.keys())
    if not changed and not lost:
        return DIFFERS.clear(f"{listed(own)}: the base's, letter for letter", templates=sorted(own))
    known = {each.text for text in its.values() for each in suspicions(text)}
    new = [each for text in changed.values() for each in suspicions(text) if each.text not in known]
    files = sorted({file for name in changed for file in held[name]})
    return DIFFERS.found(
        _said(changed, lost, its),
        files=files,
        severity=_severity(changed, lost, its, new),
        changed=sorted(changed),
        lost=lost,
        new_suspicions=[each.shown for each in new[:20]],
        diff={name: diff(its.get(name, ""), text) for name, text in sorted(changed.items())},
    )


def _taken(held: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: list(texts.values())[-1] for name, texts in held.items()}


def _severity(
    changed: Mapping[str, str], lost: list[str], its: Mapping[str, str], new: list[Suspicion]
) -> Severity:
    if new:
        return "error"
    spaces = all(_squeezed(its.get(name, "")) == _squeezed(text) for name, text in changed.items())
    return "note" if changed and spaces and not lost else "warning"


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _said(changed: Mapping[str, str], lost: list[str], its: Mapping[str, str]) -> str:
    parts = []
    for name, text in sorted(changed.items()):
        lines = diff(its.get(name, ""), text)
        plus = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
        minus = sum(line.startswith("-") and not line.startswith("---") for line in lines)
        is_new = "" if name in its else " (the base has none of this name)"
        parts.append(f"{printable(name)[:60]}: {plus} lines added, {minus} removed{is_new}")
    if lost:
        parts.append(f"missing: {listed(lost)}")
    return "; ".join(parts)


def diff(before: str, after: str) -> list[str]:
    """The lines of a unified diff; a long template of one line is cut behind its tags.

    >>> diff("{{ a }}{{ b }}", "{{ a }}{{ c }}")[2:]
    ['@@ -1,2 +1,2 @@', ' {{ a }}', '-{{ b }}', '+{{ c }}']

    Args:
        before: the base's template.
        after: the model's.
    """
    cut = [_pieces(each)[:MOST_PIECES] for each in (before, after)]
    lines = list(difflib.unified_diff(cut[0], cut[1], "base", "model", lineterm="", n=2))
    shown = [printable(line)[:LONGEST] for line in lines[:MOST_LINES]]
    more = len(lines) - MOST_LINES
    if not shown:  # they differ, and not in these lines
        return [f"differs in its spaces, its line ends, or behind line {MOST_PIECES:,}"]
    return [*shown, f"… {more:,} more lines"] if more > 0 else shown


def _pieces(text: str) -> list[str]:
    return [
        piece for line in text.splitlines() for piece in re.split(r"(?<=[%}#]\})", line) if piece
    ]


def content(context: Context) -> Finding:
    """What a template holds that few need, whatever the base's holds."""
    held = templates(context.target)
    if not held:
        return CONTENT.clear("there is no chat template")
    found = {
        (name, file): seen
        for name, texts in held.items()
        for file, text in texts.items()
        if (seen := suspicions(text))
    }
    if not found:
        return CONTENT.clear(f"nothing of the kind in {listed(held)}", templates=sorted(held))
    flat = [each for seen in found.values() for each in seen]
    order: tuple[Severity, ...] = ("note", "warning", "error")
    gravest = max((each.severity for each in flat), key=order.index)
    kinds = sorted({each.kind for each in flat})
    return CONTENT.found(
        f"{', '.join(kinds)}: {flat[0].shown[:160]}",
        files=sorted({file for _, file in found}),
        severity=gravest,
        suspicions=[
            {"template": name, "file": file, "kind": each.kind, "text": each.shown}
            for (name, file), seen in sorted(found.items())
            for each in seen[:20]
        ],
    )


def several(context: Context) -> Finding:
    """Templates of one name that two files hold differently."""
    held = templates(context.target)
    apart = {name: texts for name, texts in held.items() if len(set(texts.values())) > 1}
    if not apart:
        return SEVERAL.clear("each chat template has one text", templates=sorted(held))
    files = sorted({file for texts in apart.values() for file in texts})
    diffs = {name: diff(*list(texts.values())[:2]) for name, texts in apart.items()}
    return SEVERAL.found(
        f"{listed(apart)} differs between {listed(files)}", files=files, diff=diffs
    )


CHECKS: tuple[Check[Context], ...] = ((DIFFERS, differs), (CONTENT, content), (SEVERAL, several))
