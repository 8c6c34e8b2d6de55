"""Every example in a docstring of this package runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import modelrepair_obs

MODULES = sorted(
    found.name for found in pkgutil.walk_packages(modelrepair_obs.__path__, "modelrepair_obs.")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, optionflags=flags).failed == 0
