"""The example sets that are known by name: two of our own, and public ones at a fixed commit."""

from __future__ import annotations

import pytest

from modelrepair.examples import registered as builtin_sets
from modelrepair.examples.ahead import set_ahead


@pytest.mark.parametrize("spec", builtin_sets.EXAMPLE_SETS, ids=lambda spec: spec.name)
def test_every_set_of_ours_has_origin_licence_and_size(spec):
    found = set_ahead(spec.name, spec.roles[0])
    assert found.licence == spec.licence and found.rows is not None and found.rows >= 200
    assert (found.url is None) == (found.origin == "in the package")
