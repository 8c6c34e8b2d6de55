"""The names that plug-ins use are those that the program has values for."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from modelrepair.evaluation.results import MEASURED_SETS, AnswerVerdict
from modelrepair.plugin.names import MeasuredSet, SetName, SubjectKind, Verdict
from modelrepair.settings.search_limits import RATIO_GRIDS, STEP_SCHEDULES
from modelrepair.settings.settings import Settings


def test_each_set_can_be_named_in_the_settings():
    assert set(get_args(SetName)) <= {field.name for field in fields(Settings)}


def test_every_measured_set_is_measured():
    assert get_args(MeasuredSet) == MEASURED_SETS


@pytest.mark.parametrize("table", [RATIO_GRIDS, STEP_SCHEDULES])
def test_each_subject_has_its_search(table):
    assert table.keys() == set(get_args(SubjectKind))


def test_the_host_adds_one_verdict_to_the_judge_s():
    assert set(get_args(AnswerVerdict)) - set(get_args(Verdict)) == {"degenerate"}
