"""The measured examples on disk: one line each, and the measures must add up to them."""

from __future__ import annotations

import pytest

from modelrepair.artifact.verdicts import write_verdicts
from modelrepair.errors import ModelRepairError
from modelrepair.evaluation.results import ExampleResult


def test_an_example_is_measured_once(tmp_path):
    twice = [ExampleResult("harmful", 0, "refusal")] * 2
    with pytest.raises(ModelRepairError, match="measured twice"):
        write_verdicts(tmp_path / "verdicts.jsonl", {"after": twice})
