"""Every example in a docstring of the benchmark runs, and every part's contestant is there."""

import doctest
import importlib
import os
from pathlib import Path

import pytest

import benchmarks

MODULES = sorted(
    path.relative_to(Path(benchmarks.__file__).parents[1]).with_suffix("").as_posix()
    for path in Path(benchmarks.__file__).parent.rglob("*.py")
    if path.stem != "__init__"
)


@pytest.mark.parametrize("path", MODULES)
def test_examples_run(path):
    if path.endswith("/measured") and not hasattr(os, "wait4"):
        pytest.skip("the benchmark needs wait4")
    module = importlib.import_module(path.replace("/", "."))
    assert doctest.testmod(module).failed == 0
