"""What is masked as one, and where its scores are cut: what goes with what."""

from __future__ import annotations

import pytest

from modelrepair.errors import UsageError
from modelrepair.plugin.specs import ScorerSpec
from modelrepair.settings.settings import Settings
from modelrepair.settings.units import (
    check_scope_of_unit,
    check_unit,
    check_unit_of_subject,
    scope_of,
    unit_of,
)

ENTRIES = ScorerSpec("one", "s", load="x:Y", sets=lambda *_: {})
HEADS = ScorerSpec("two", "s", load="x:Y", sets=lambda *_: {}, unit="head", scope="global")


@pytest.mark.parametrize(
    ("spec", "given", "unit", "scope"),
    [
        (ENTRIES, {}, "entry", "row"),
        (ENTRIES, {"unit": "row"}, "row", "tensor"),  # the scorer's own row is too small
        (ENTRIES, {"unit": "neuron", "scope": "global"}, "neuron", "global"),
        (ENTRIES, {"unit": "entry", "scope": "row"}, "entry", "row"),
        (HEADS, {}, "head", "global"),
        (HEADS, {"unit": "entry"}, "entry", "global"),
        (HEADS, {"preset": "antidote-paper"}, "entry", "global"),
    ],
)
def test_the_user_goes_before_the_scorer(spec, given, unit, scope):
    settings = Settings("user/model", **given)
    assert (unit_of(settings, spec), scope_of(settings, spec)) == (unit, scope)


@pytest.mark.parametrize("unit", ["row", "head", "neuron"])
def test_no_unit_fits_into_a_row_and_no_preset_masks_units(unit):
    for given in ({"scope": "row"}, {"preset": "antidote-official"}):
        with pytest.raises(UsageError) as error:
            check_unit(Settings("user/adapter", unit=unit, **given))
        assert error.value.exit_code == 2 and error.value.hint
    check_unit(Settings("user/model", unit="entry", scope="row"))


def test_factors_have_rows_and_neither_heads_nor_neurons():
    check_unit_of_subject("row", "factor")
    check_unit_of_subject("head", "delta")
    for unit in ("head", "neuron"):
        with pytest.raises(UsageError, match="no part of an adapter's factors") as error:
            check_unit_of_subject(unit, "factor")
        assert "--merge" in error.value.hint


def test_scope_row_of_a_scorer_of_larger_units_is_cut_by_tensor():
    rows = ScorerSpec("rows", "s", load="x:Y", sets=lambda *_: {}, unit="row")
    assert scope_of(Settings("user/model"), rows) == "tensor"


def test_scope_row_that_a_user_names_has_no_room_for_a_scorer_s_heads():
    settings = Settings("user/model", scope="row")
    check_unit(settings)  # which knows no scorer
    with pytest.raises(UsageError, match="no whole head can be chosen"):
        check_scope_of_unit(unit_of(settings, HEADS), scope_of(settings, HEADS))
    check_scope_of_unit(unit_of(settings, ENTRIES), scope_of(settings, ENTRIES))
