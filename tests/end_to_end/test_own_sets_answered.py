"""A small real model answers the package's own prompts, so that a repair has answers to lose."""

from __future__ import annotations

from collections import Counter

import pytest

from modelrepair import measure
from tests.support.own_sets import KINDS, rows
from tests.support.set_files import write_jsonl

pytestmark = pytest.mark.slow

ASKED = 40
"""Prompts of each kind that are asked here; all of them were asked by hand."""
ANSWERED = 0.8
NEW_TOKENS = 64


@pytest.mark.parametrize("name", KINDS)
def test_smollm2_answers_most_prompts_of_every_kind(smollm2, tmp_path, name):
    seen: Counter[str] = Counter()
    for kind in KINDS[name]:
        asked = [row for row in rows(name) if row["kind"] == kind][::3]
        pairs = [{"prompt": row["prompt"], "response": row["response"]} for row in asked[:ASKED]]
        report = measure(
            smollm2,
            utility=write_jsonl(tmp_path / f"{kind}.jsonl", pairs),
            max_new_tokens=NEW_TOKENS,
        )
        refused, broken = report.measures.benign_refusal_rate, report.measures.degenerate_rate
        assert refused is not None
        assert refused.n == ASKED
        assert broken is not None
        seen[kind] = round(ASKED * (1 - refused.value - broken.value))
    assert {kind: count for kind, count in seen.items() if count < ANSWERED * ASKED} == {}
