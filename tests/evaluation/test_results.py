"""What was measured on one example, and the pairing of two such measurements."""

from __future__ import annotations

import pytest

from modelrepair.errors import ModelRepairError
from modelrepair.evaluation.results import ExampleResult, paired


def test_results_are_paired_by_set_and_index():
    with pytest.raises(ModelRepairError, match="1 only in the first, 0 only in the second"):
        paired([ExampleResult("utility", 0, None)], [])
    with pytest.raises(ModelRepairError, match="twice"):
        paired([ExampleResult("utility", 0, None)] * 2, [ExampleResult("utility", 0, None)])


def test_passages_of_text_are_no_pairs():
    example, passage = ExampleResult("utility", 0, None), ExampleResult("text", 0, None, 1, 2, 3.0)
    assert paired([example, passage], [example]) == [(example, example)]
