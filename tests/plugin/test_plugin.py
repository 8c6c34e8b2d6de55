"""`modelrepair.plugin`: all that an author imports, and nothing heavy before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelrepair import plugin

HEAVY = ("torch", "transformers", "pydantic", "numpy", "huggingface_hub")


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after this code."""
    code += "; import sys; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.split())


@pytest.mark.parametrize("name", plugin.__all__)
def test_every_public_name_exists(name):
    assert getattr(plugin, name) is not None


def test_names_are_sorted_and_named_once():
    assert len(set(plugin.__all__)) == len(plugin.__all__)
    assert set(plugin._NEEDS_TORCH) <= set(plugin.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Wanda'"):
        _ = plugin.Wanda


@pytest.fixture(scope="module")
def alone():
    return modules_after("from modelrepair.plugin import ScorerSpec, hookimpl")


@pytest.mark.parametrize("module", HEAVY)
def test_the_import_brings_nothing_heavy(alone, module):
    assert module not in alone


@pytest.mark.parametrize(
    ("name", "module"), [("InputNorms", "accumulators"), ("wanda_score", "formulas")]
)
def test_what_needs_torch_is_imported_on_first_use(alone, name, module):
    assert f"modelrepair.plugin.{module}" not in alone
    used = modules_after(f"from modelrepair.plugin import {name}")
    assert {"torch", f"modelrepair.plugin.{module}"} <= used
    assert not {"transformers", "pydantic"} & used
