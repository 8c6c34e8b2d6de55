"""``modelrepair measure``: the measures of any model."""

from __future__ import annotations


def test_measure(api, call):
    result = call(*["measure", "here", "--utility", "u.jsonl", "--judge", "mine"])
    assert result.code == 0
    assert "0.750  n=50" in result.out
    assert "[0.700, 0.800]" in result.out
    assert result.out.splitlines()[0] == "Warning: few"
    assert result.out.splitlines()[-1] == "Next: modelrepair fix here"
    _, arguments, options = api.made[0]
    assert arguments == ("here",)
    assert (options["utility"], options["judge"]) == ("u.jsonl", "mine")
    assert call("measure", "here", "--json").json["measures"]["judge"] == "keyword"
