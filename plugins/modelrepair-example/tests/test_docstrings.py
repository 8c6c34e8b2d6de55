"""Every example in a docstring of this package runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

PACKAGE = "modelrepair_example"
MODULES = pkgutil.walk_packages(importlib.import_module(PACKAGE).__path__, f"{PACKAGE}.")


@pytest.mark.parametrize("name", sorted(module.name for module in MODULES))
def test_examples_run(name: str) -> None:
    """What an example prints is what its docstring says."""
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(importlib.import_module(name), optionflags=flags).failed == 0
