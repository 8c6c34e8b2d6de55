"""The command passes a push on, and ends with its exit code."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import modelrepair

PUSHED = {
    "target": "me/mine", "kind": "new repository", "revision": "main", "commit": "c" * 40,
    "url": "https://hub.invalid/me/mine", "nothing_to_push": True, "private": False, "gated": None,
    "verdict": "passed", "out": "out", "kept": [], "deleted": [], "replaced": [],
}  # fmt: skip


@pytest.mark.parametrize("code", [0, 1])
def test_folder_and_options_reach_the_api(call, monkeypatch, code):
    asked = []

    def push(folder, **options):
        asked.append((folder, options))
        return SimpleNamespace(exit_code=code, to_json=lambda: PUSHED)

    monkeypatch.setattr(modelrepair, "push", push, raising=False)
    result = call("push", "out", "--to", "me/mine", "--private", "--delete", "*.bin", "--json")
    assert (result.code, result.json["target"]) == (code, "me/mine")
    (folder, options), = asked  # fmt: skip
    assert folder == Path("out")
    assert (options["to"], options["private"], [*options["delete"]]) == ("me/mine", True, ["*.bin"])
    assert not options["pr"] and not options["force"]
