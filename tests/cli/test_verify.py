"""``modelrepair verify``: prove that a repair is what it says, and nothing else."""

from __future__ import annotations

import pytest

from modelrepair.artifact.findings import About, Finding, Verification


def test_verify_names_each_finding_and_fails(api, call):
    result = call(*["verify", "repaired", "--source", "here", "--reference", "there"])
    assert result.code == 1
    assert result.out.splitlines() == [
        "MR-VER-013 outside-mask: a.safetensors: w: 1 entry differs",
        "  Hint: don't trust this model",
        "Note: the reference is private",
        "NOT verified (9 files, 1,000 entries)",
        "Next: don't use repaired; a repair of your own: modelrepair fix here",
    ]
    name, arguments, options = api.made[0]
    assert (name, arguments) == ("verify", ("repaired",))
    assert options.pop("progress") is not None
    given = {name: value for name, value in options.items() if value is not None}
    assert given == {"source": "here", "reference": "there"}
    document = call("verify", "repaired", "--source", "here", "--json").json
    assert document["ok"] is False
    assert document["findings"][0]["code"] == "outside-mask"


def test_what_does_not_verify_only_says_of_itself_what_it_is(api, call):
    finding = Finding("added", "handler.py", None, "is code")
    api.answers["verify"] = Verification(
        (finding,), {"files": 9}, about=About(summary="1 % masked")
    )
    last = call("verify", "repaired", "--source", "here").out.splitlines()[-2]
    assert last == "NOT verified; it says of itself: 1 % masked (9 files)"


def test_verify_passes(api, call):
    api.answers["verify"] = Verification((), {"files": 9}, about=About(summary="1 % masked"))
    result = call("verify", "repaired", "--source", "here")
    assert (result.code, result.out.splitlines()) == (
        0,
        ["verified: 1 % masked (9 files)", "Next: use repaired in place of here"],
    )


@pytest.mark.parametrize("verdict", ["failed", "undecided", "unmeasured"])
def test_nobody_is_told_to_use_a_repair_that_did_not_pass(api, call, verdict):
    about = About(summary="1 % masked", verdict=verdict)
    api.answers["verify"] = Verification((), {"files": 9}, about=about)
    result = call("verify", "repaired", "--source", "here")
    assert result.code == 0
    last = " ".join(result.out.split("Next:")[1].split())
    assert last.startswith("read the card of repaired before you use it")
