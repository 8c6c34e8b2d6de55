"""``modelrepair plugins``: what is installed, and what of it works."""

from __future__ import annotations

import re


def test_plugins_list(call):
    assert "builtin" in call("plugins", "list").out
    document = call("plugins", "list", "--json").json
    ours = next(item for item in document["plugins"] if item["distribution"] == "modelrepair")
    assert (ours["status"], ours["errors"]) == ("active", [])
    assert ours["path"].endswith("builtin.py") and ours["seconds"] > 0
    assert {tuple(item) for item in document["plugins"]} == {tuple(ours)}, "the same of each"


def test_plugins_list_shows_time_and_place(call, install, scorer_code, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    install("fine-scorer", scorer_code("fine"))
    install("failed-scorer", "import nowhere_to_be_found")
    lines = call("plugins", "list").out.splitlines()
    fine, place = [line for line in lines if "fine-scorer" in line]
    assert re.search(r"active .*modelrepair_scorers", fine)
    assert re.search(r"^\S+ of fine-scorer, imported in \d+ ms: .*fine_scorer\.py$", place)
    failed = next(line for line in lines if "failed-scorer" in line)
    assert "ModuleNotFoundError" in failed and " ms " not in failed
