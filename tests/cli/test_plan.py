"""``modelrepair plan``: what a repair would take, from metadata alone."""

from __future__ import annotations

import pytest

from modelrepair.cli.plan import shown


def test_plan(api, call):
    result = call(
        *["plan", "here", "--scorer", "gradient", "--scorer-option", "reduce=abs", "--details"]
    )
    assert result.code == 0
    assert "1.1 GB" in result.out
    assert "99.0 %" in result.out
    assert "custom: notes.txt" in result.out
    _, arguments, options = api.made[0]
    assert arguments == ("here",)
    assert options["scorer_options"] == {"reduce": "abs"}
    assert call("plan", "here", "--json").json["parameters"] == 1000


SKIPPED = "\n".join([*(f"{i}: x" for i in range(8)), "and 2 more"])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("shards", 1, "1"),
        ("notes", None, "–"),
        ("tied", True, "yes"),
        ("parameters", 134515008, "134,515,008"),
        ("coverage", 0.9912, "99.1 %"),
        ("seconds", 0.5, "0.5"),
        ("passes", ["record", "reverse"], "record\nreverse"),
        ("skipped", {"a.bias": "no matrix"}, "a.bias: no matrix"),
        ("skipped", {}, "–"),
        ("skipped", {str(i): "x" for i in range(10)}, SKIPPED),
        ("passes", [{"set": "realign", "tokens": 1200}], "set realign, tokens 1,200"),
        ("disk", {"output_bytes": 2048}, "output_bytes: 2.0 kB"),
    ],
)
def test_values_of_a_plan(name, value, text):
    assert shown(name, value) == text
