"""The classifier judge over a model in a folder or on the Hub, and how often it is right."""

from __future__ import annotations

from modelrepair.judges.classifier import ClassifierJudge
from modelrepair.judges.options import ClassifierOptions
from tests.support.judging import KINDS, labelled


def judge(folder, **options):
    """The judge over this model."""
    return ClassifierJudge(ClassifierOptions(str(folder), **options))


def right(judge):
    """The share of the made-up world's test answers that a judge gets right."""
    rows, kinds = labelled(test=True)
    verdicts = judge.judge(rows)
    return sum(got == KINDS[kind] for got, kind in zip(verdicts, kinds, strict=True)) / len(rows)
