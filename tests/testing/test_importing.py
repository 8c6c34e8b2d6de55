"""What registering takes, measured in an interpreter of its own."""

from __future__ import annotations

import sys

import pytest

from modelrepair.testing.importing import measure


def test_what_is_heavy_is_named_though_this_process_has_it_already(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("")
    (tmp_path / "heavy_plugin.py").write_text(
        "import torch, modelrepair.plugin as p\n"
        "@p.hookimpl\n"
        "def modelrepair_scorers():\n"
        "    yield from ()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "torch" in measure(["heavy_plugin"]).heavy
    assert "heavy_plugin" not in sys.modules


def test_the_last_line_of_an_error_is_said():
    with pytest.raises(RuntimeError, match="No module named 'no_such_plugin'"):
        measure(["no_such_plugin"])
