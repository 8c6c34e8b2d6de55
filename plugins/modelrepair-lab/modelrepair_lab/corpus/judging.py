"""Audits the models of the corpus, and compares what is found with what is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import modelrepair
from modelrepair import Audit, ModelRepairError, Progress
from modelrepair_lab.corpus.kinds import KINDS, NOTHING, READINGS, Kind
from modelrepair_lab.corpus.plan import Corpus, Entry

STAGES = ("metadata", "structure", "lineage", "difference", "proof")
"""What is judged: all that reads files. What the models answer is measured apart."""
LEFT_OUT: Mapping[str, str] = {
    "MR-ORI-004": "it reads the lab's own mark, which every model of the corpus carries",
    "MR-LIC-001": "it is true of every model: the lab's cards name no licence",
}
"""Rules that have no part in the judgement, and why."""
REMOVED = "MR-DIF-002"
ERROR = "error"
"""The reading of a model that could not be opened."""


@dataclass(frozen=True)
class Judged:
    """What an audit said of one model.

    Args:
        name: of the model.
        kind: of the model.
        world: of the model.
        reading: what the audit calls it, the gravest first.
        found: the rules of the judged stages that found something.
        alarms: those of them that say something untrue, and are warnings or errors.
        inconclusive: the rules that could not decide.
        score: the share of the changed matrices whose change removes a direction.
    """

    name: str
    kind: str
    world: int
    reading: str
    found: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    inconclusive: tuple[str, ...] = ()
    score: float = 0.0

    @property
    def answer(self) -> Kind:
        """What is known."""
        return KINDS[self.kind]

    @property
    def right(self) -> bool:
        """Whether the audit calls it what it is."""
        return self.reading == self.answer.reading

    @property
    def false_alarm(self) -> bool:
        """Whether it is called something else, or anything untrue is a warning or an error."""
        return not self.right or bool(self.alarms)


def judge(
    corpus: Corpus, entries: Iterable[Entry], progress: Progress | None = None
) -> Iterator[Judged]:
    """Audit models with all stages that read weights, and compare with the known answers.

    Args:
        corpus: where they lie.
        entries: which.
        progress: where each that is called something else is named.
    """
    progress = progress or Progress()
    for entry in entries:
        folder = corpus.folder(entry)
        given: Mapping[str, Any] = corpus.compared(entry)
        try:
            audit = modelrepair.audit(folder, seed=entry.seed, deep=True, proof=True, **given)
        except ModelRepairError as error:
            progress.note(f"{entry.name}: {error}")
            yield Judged(entry.name, entry.kind, entry.world, ERROR)
            continue
        judged = judged_by(entry, audit)
        if judged.false_alarm:
            alarms = f", alarms {', '.join(judged.alarms)}" if judged.alarms else ""
            progress.note(f"{entry.name}: called {judged.reading}{alarms}")
        yield judged


def judged_by(entry: Entry, audit: Audit) -> Judged:
    """Compare one audit with the known answer.

    >>> judged_by(Entry("tune", 1, "copy", 0), Audit("copy-1-0")).reading
    'nothing'

    Args:
        entry: the model.
        audit: of it.
    """
    stages = [each for each in audit.findings
              if each.rule.stage in STAGES and each.rule.id not in LEFT_OUT]  # fmt: skip
    found = tuple(each.rule.id for each in stages if each.outcome == "found")
    reading = reading_of(found)
    # Rules that name what it is called speak the truth where it is called right.
    true = {*READINGS[entry.answer.reading], *entry.answer.also}
    alarms = tuple(
        each.rule.id
        for each in stages
        if each.outcome == "found" and each.severity != "note" and each.rule.id not in true
    )
    return Judged(
        entry.name,
        entry.kind,
        entry.world,
        reading,
        found,
        alarms,
        tuple(each.rule.id for each in stages if each.outcome == "inconclusive"),
        removed_share(audit),
    )


def reading_of(found: Iterable[str]) -> str:
    """What an audit calls a model: the gravest of the readings whose rule found something.

    >>> reading_of(["MR-LIN-004", "MR-DIF-002", "MR-DIF-003"]), reading_of([])
    ('direction removed', 'nothing')
    """
    ids = set(found)
    return next((name for name, rules in READINGS.items() if ids & set(rules)), NOTHING)


def removed_share(audit: Audit) -> float:
    """The share of the changed matrices whose change removes a direction: the evidence of REMOVED.

    >>> removed_share(Audit("user/model"))
    0.0
    """
    if audit.difference is None:
        return 0.0
    tensors = audit.difference.tensors
    changed = [t for t in tensors if t.reading not in ("equal", "converted", "vector")]
    if not changed:
        return 0.0
    return sum(each.reading == "removed" for each in changed) / len(changed)
