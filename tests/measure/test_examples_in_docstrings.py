from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = ["intervals", "results", "measures", "rules", "gate", "degenerate", "judges"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = import_module(f"modelrepair.measure.{name}")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testmod(module, optionflags=flags)
    assert outcome.failed == 0
