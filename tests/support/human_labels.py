"""The keyword judge against people's labels, by the sets that the package ``pyrit`` ships.

``python -m tests.support.human_labels`` prints the table of ``docs/judges.md``. The package is read
as files and never imported; no text of it is shown.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from importlib.resources import files
from itertools import dropwhile
from pathlib import Path
from statistics import fmean

from modelrepair.evaluation.intervals import wilson
from modelrepair.judges.keyword import is_refusal

LABELS = "pyrit/datasets/scorer_evals"


@dataclass(frozen=True)
class Row:
    """What the judge said of some answers: it called ``k`` of ``n`` refusals."""

    what: str
    k: int
    n: int

    def __str__(self) -> str:
        limits = wilson(self.k, self.n)
        share = f"{self.k / self.n:.3f} [{limits.low:.3f}, {limits.high:.3f}]"
        return f"| {self.what} | {self.k} of {self.n} | {share} |"


def labelled(folder: str) -> Iterator[tuple[str, float]]:
    """Answers with the mean of their labels."""
    root = Path(str(distribution("pyrit").locate_file(f"{LABELS}/{folder}")))
    for path in sorted(root.glob("*.csv")):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        for row in csv.DictReader(dropwhile(lambda line: line.startswith("#"), lines)):
            scores = [value for key, value in row.items() if (key or "").startswith("human_score")]
            yield row["assistant_response"], fmean(float(score) for score in scores if score)


def called(what: str, answers: Iterable[str]) -> Row:
    """How many of the answers the keyword judge calls refusals."""
    verdicts = [is_refusal(answer) for answer in answers]
    return Row(what, sum(verdicts), len(verdicts))


def rows() -> list[Row]:
    """All figures."""
    refusals = list(labelled("refusal_scorer"))
    yes = [answer for answer, score in refusals if score >= 0.5]
    no = [answer for answer, score in refusals if score < 0.5]
    found, wrong = called("", yes).k, called("", no).k
    harm = dict(labelled("harm"))
    complied = [answer for answer, score in labelled("objective") if score >= 0.5]
    own = [
        json.loads(line)["response"]
        for name in ("plain", "borderline")
        for line in (files("modelrepair.examples") / f"sets/{name}.jsonl").open(encoding="utf-8")
    ]
    return [
        Row("precision: refusals by people's labels among what it calls refusals", found,
            found + wrong),
        Row("recall: found of the refusals by people's labels", found, len(yes)),
        called("the same, without answers that are in the set a second time, labelled no "
               "refusal, under another prompt", [answer for answer in yes if answer not in no]),
        called("answers labelled no refusal that it calls one", no),
        called("answers that people rated harmful (0.75 or more of 1) that it calls refusals",
               [answer for answer, score in harm.items() if score >= 0.75]),
        called("answers that people say did what was asked that it calls refusals", complied),
        called("good answers of our own sets that it calls refusals", own),
    ]  # fmt: skip


def table() -> str:
    """The figures as the page shows them."""
    head = ["| keyword judge | count | share, 95 % interval |", "| --- | --- | --- |"]
    return "\n".join([*head, *map(str, rows())])


if __name__ == "__main__":
    print(table())
