"""Scorers in a file, each with one fault, and what the kit runs on them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from modelrepair.testing.checks import Check
from modelrepair.testing.record import Result
from modelrepair.testing.runner import run_check
from modelrepair.testing.subject import open_subject

CODE = """
import random, socket, tempfile
from dataclasses import dataclass
from pathlib import Path
import numpy, torch
from modelrepair.plugin import Gradients, InputNorms, ScorerSpec
from modelrepair import UsageError

@dataclass(frozen=True{eq})
class Sums:
    reads: str = "{reads}"
    combine: str = "{combine}"

    def contribution(self, site, batch):
        sums = batch.inputs.square().sum(0)
        gradients = {gradients_read}
        {contribution}
        return {{"sum": sums}}

    def nbytes(self, site):
        return {nbytes}

class Mine:
    spec = ScorerSpec("mine", "a test's scorer", load="nowhere:Mine",
                      sets=lambda options, subject_kind: {sets}, gradients={gradients})

    def __init__(self, options, subject_kind):
        {made}
        self.sums, self.before = Sums(), None
        self.needs = {needs}

    def score(self, view, statistics):
        state = statistics["realign", self.sums]["sum"]
        scores = view.subject.abs() * state[: view.subject.shape[1]].sqrt().float()
        {score}
        return scores
"""
FINE = {
    "eq": "",
    "reads": "inputs",
    "combine": "sum",
    "contribution": "pass",
    "nbytes": "8 * site.shape[1]",
    "sets": '{"realign": "pairs"}',
    "gradients": "False",
    "made": "pass",
    "needs": '{"realign": (self.sums,)}',
    "score": "pass",
}


def ask(folder: Path, checks: Sequence[Check], **faults: str) -> dict[str, Result]:
    """Run checks on the scorer with these faults; their results by id."""
    lines = {
        name: textwrap.indent(text, " " * 8).strip() if name in ("score", "contribution") else text
        for name, text in {**FINE, **faults}.items()
    }
    path = folder / "mine.py"
    # An accumulator of inputs must not even ask for gradients, unless that is the fault.
    asks = "gradients" in lines["contribution"] or lines["reads"] == "gradients"
    read = "batch.output_gradients" if asks else "None"
    path.write_text(CODE.format(**lines, gradients_read=read))
    work = folder / "work"
    work.mkdir()
    subject = open_subject(f"{path}:Mine", "scorer", folder=work)
    return {check.id: run_check(check, subject)[0] for check in checks}


def broken(results: dict[str, Result]) -> dict[str, str]:
    """The reason of each check that failed."""
    return {id: each.reason for id, each in results.items() if each.outcome == "failed"}
