"""The judged audits as a page for people, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from modelrepair_lab.corpus.figures import (
    confusion,
    counted,
    of_group,
    told_apart,
)
from modelrepair_lab.corpus.judging import ERROR, STAGES, Judged
from modelrepair_lab.corpus.kinds import KINDS, NOTHING, READINGS
from modelrepair_lab.corpus.plan import Part
from modelrepair_lab.rows import Spread

COLUMNS = ("name", "kind", "world", "known", "called", "score", "alarms", "found", "inconclusive")
ANCHOR = (
    "For comparison: arXiv 2607.01854 tells ablated checkpoints from benign ones by weights and "
    "activations together: 273 checkpoints, AUROC .95, balanced accuracy .89 and 11 % false "
    "positives on its held-out ones. Its models are real and larger, and the two figures are not "
    "of the same set."
)


def as_csv(judged: Iterable[Judged]) -> str:
    """One row a model.

    >>> as_csv([]).strip()
    'name,kind,world,known,called,score,alarms,found,inconclusive'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in judged:
        lists = (" ".join(some) for some in (each.alarms, each.found, each.inconclusive))
        known = each.answer.reading
        writer.writerow(
            [each.name, each.kind, each.world, known, each.reading, f"{each.score:.3g}", *lists]
        )
    return text.getvalue()


def page(judged: Sequence[Judged], part: Part) -> str:
    """The tables of one part as Markdown.

    Args:
        judged: its models.
        part: which.
    """
    worlds = sorted({each.world for each in judged})
    kinds = {each.kind for each in judged}
    head = (
        f"{len(judged)} models of {len(kinds)} kinds, of {len(worlds)} worlds (seeds "
        f"{', '.join(map(str, worlds))}), the part `{part}`. Judged are the stages "
        f"{', '.join(STAGES)}. The metadata are not judged: a rule there finds the mark that every "
        "model of the lab carries."
    )
    blocks = [head, _headline(judged), "## What each kind is called", _kinds(judged)]
    wrong = [each for each in judged if not each.right or each.alarms]
    blocks += ["## What was called something else", _wrong(wrong)]
    return "\n\n".join(blocks) + "\n"


def _headline(judged: Sequence[Judged]) -> str:
    benign = of_group(judged, "benign")
    rows = [
        ("called what they are, all kinds", counted(judged, lambda each: each.right)),
        ("false alarms on clean and benign ones: any untrue warning or error",
         counted(benign, lambda each: bool(each.alarms))),
    ]  # fmt: skip
    if of_group(judged, "ablated") and of_group(judged, "harmful"):
        apart = told_apart(judged)
        rows += [
            ("direction-removed found among the ablated", apart["found among the ablated"]),
            ("direction-removed found among the fine-tuned", apart["found among the fine-tuned"]),
            ("AUROC, ablated against fine-tuned", apart["AUROC"]),
        ]
    lines = ["| | value | 95 % interval | n |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {found.mean:.3f} | {_limits(found)} | {found.n} |"
              for name, found in rows if found.n]  # fmt: skip
    score = (
        "The score behind AUROC is the share of the changed matrices whose change removes a "
        "direction, as `MR-DIF-002` reads them. Intervals are Wilson's, that of AUROC Newcombe's "
        "(2006, method 5); they take the models for independent, and those of one world are not "
        "quite."
    )
    return "\n".join(lines) + f"\n\n{score}\n\n{ANCHOR}"


def _kinds(judged: Sequence[Judged]) -> str:
    found = confusion(judged)
    called = [name for name in (*READINGS, NOTHING, ERROR)
              if any(row[name] for row in found.values())]  # fmt: skip
    lines = [
        "| kind | n | right, 95 % interval | alarms | " + " | ".join(called) + " |",
        "| --- |" * 1 + " --- |" * (3 + len(called)),
    ]
    for kind, row in found.items():
        own = [each for each in judged if each.kind == kind]
        right = counted(own, lambda each: each.right)
        alarms = sum(bool(each.alarms) for each in own)
        cells = [f"**{row[name]}**" if name == KINDS[kind].reading else str(row[name] or "")
                 for name in called]  # fmt: skip
        lines.append(
            f"| {kind} | {len(own)} | {right.mean:.2f} [{_limits(right)}] | {alarms} | "
            + " | ".join(cells)
            + " |"
        )
    what = [f"| `{kind}` | {KINDS[kind].group} | {KINDS[kind].what} |" for kind in found]
    return "\n".join([*lines, "", "| kind | group | what was done |", "| --- | --- | --- |", *what])


def _wrong(judged: Sequence[Judged]) -> str:
    if not judged:
        return "Nothing."
    lines = ["| model | known | called | untrue warnings and errors |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {each.name} | {each.answer.reading} | {each.reading} | {' '.join(each.alarms)} |"
        for each in judged
    ]
    return "\n".join(lines)


def _limits(found: Spread) -> str:
    return "–" if found.low is None else f"{found.low:.3f}, {found.high:.3f}"
