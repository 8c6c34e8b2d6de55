"""Sort what `audit --format jsonl` and `verify --json` print, one document a line.

    python outcomes.py audits.jsonl

Of each model the outcomes are counted, then those that need a look are named: what could not be
looked at, what was found, what is inconclusive. The result is Markdown.
"""

from __future__ import annotations

import fileinput
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

LOOKED_AT = ("not looked at", "found", "inconclusive")
"""The outcomes that need a look, the most urgent first; the other one is clear."""


def outcomes_of(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each outcome, and the rule that it is of."""
    if error := document.get("error"):
        yield "not looked at", f"{error['id']}: {error['message']}"
    for rules in document.get("stages", {}).values():
        for rule in rules if isinstance(rules, list) else ():  # else: "not run"
            yield rule["outcome"], f"{rule['id']} {rule['name']} ({rule['severity']})"
    for outcome, key in (("found", "findings"), ("inconclusive", "inconclusive")):
        for finding in document.get(key, ()):
            yield outcome, f"{finding['id']} {finding['code']}"


def lines_of(document: dict[str, Any]) -> Iterator[str]:
    """The model with its counts, then a line for each outcome that needs a look."""
    outcomes = list(outcomes_of(document))
    counts = Counter(outcome for outcome, _ in outcomes)
    title = document.get("model") or document.get("result") or "error"
    counted = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    yield f"{title}: {counted or 'all clear'}"
    for wanted in LOOKED_AT:
        if rules := sorted({rule for outcome, rule in outcomes if outcome == wanted}):
            yield f"- {wanted}: {', '.join(rules)}"


if __name__ == "__main__":
    with fileinput.input(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    # `audit` prints a model as soon as it is done: in another order each time.
    for document in sorted(documents, key=lambda each: each.get("model") or ""):
        print(*lines_of(document), "", sep="\n")
