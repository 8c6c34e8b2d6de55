"""Each name that we import from transformers is there: a failing test names it."""

from __future__ import annotations

import pytest

from tests.support.transformers_imports import Import, imports, imports_of

FOUND = imports()


def test_inner_modules_are_among_them():
    inner = {each.module for each in FOUND if "." in each.module}
    assert "transformers.core_model_loading" in inner


@pytest.mark.parametrize("each", FOUND, ids=[f"{each.module}.{each.name}" for each in FOUND])
def test_it_is_there(each):
    assert each.problem() is None


def test_what_is_gone_is_named_with_its_place():
    text = "def f():\n    from transformers.gone_module import one, two\nfrom torch import nn\n"
    first, second = imports_of(text, "modelrepair/mine.py")
    assert "transformers.gone_module, imported at modelrepair/mine.py:2" in str(first.problem())
    assert second.name == "two"
    gone = Import("transformers.pytorch_utils", "gone_name", "modelrepair/mine.py:3")
    assert gone.problem() == (
        "transformers.pytorch_utils has no gone_name, imported at modelrepair/mine.py:3"
    )
