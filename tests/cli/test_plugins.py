"""``modelrepair plugins``: what is installed, and what of it works."""

from __future__ import annotations


def test_plugins_list(call):
    assert "builtin" in call("plugins", "list").out
    document = call("plugins", "list", "--json").json
    ours = next(item for item in document["plugins"] if item["distribution"] == "modelrepair")
    assert (ours["status"], ours["errors"]) == ("active", [])
