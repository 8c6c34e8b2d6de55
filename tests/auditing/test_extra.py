"""A library that is not installed is named in one line, with what installs it."""

from __future__ import annotations

import sys

import pytest

from modelrepair.auditing.extra import extra
from modelrepair.errors import UsageError


def test_a_missing_library_is_a_line_and_a_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "sarif_pydantic", None)
    with (
        pytest.raises(UsageError, match="--format sarif needs") as caught,
        extra("sarif_pydantic", "sarif"),
    ):
        from sarif_pydantic import sarif  # noqa: F401
    assert caught.value.hint == 'pip install "modelrepair[audit]"'


def test_another_missing_module_is_no_missing_extra():
    with pytest.raises(ModuleNotFoundError), extra("sarif_pydantic", "sarif"):
        import modelrepair.none  # noqa: F401
