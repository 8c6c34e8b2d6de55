"""``modelrepair attest`` and ``verify --attestation``, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

from modelrepair.publishing.attest import attest_folder
from tests.support.small_repairs import make_repair

STATEMENT = {
    "subject": [],
    "predicateType": "urn:x",
    "predicate": {
        "models": {"source": {"id": "mine", "hub": False}, "reference": {"id": "a/b", "hub": True}},
        "parameters": {"subject": "delta"},
        "verdict": "passed",
    },
}


def test_attest_passes_its_options_on(api, call):
    from modelrepair.publishing.attest import Attestation

    api.answers["attest"] = Attestation(Path("a.json"), Path("a.json.sig"), STATEMENT)
    result = call("attest", "repaired", "--out", "a.json", "--sign-key", "key.pem", "--time")
    assert result.code == 0
    assert result.out.splitlines() == [
        "Attested in a.json, signed in a.json.sig.",
        "Check: modelrepair verify repaired --source SOURCE --attestation a.json --public-key "
        "PUBLIC.pem",
    ]
    _, arguments, options = api.made[0]
    assert (arguments, options.pop("progress") is not None) == ((Path("repaired"),), True)
    assert options == {"out": Path("a.json"), "sign_key": Path("key.pem"), "time": True}


def test_a_walk_of_attest_and_verify(call, tmp_path):
    made = make_repair(tmp_path)
    document = call("attest", str(made.out), "--json").json
    file = Path(document["out"])
    assert json.loads(file.read_text()) == document["statement"]
    assert "Nothing to do" in call("attest", str(made.out)).out
    verify = ["verify", str(made.out), "--source", str(made.source), "--attestation", str(file)]
    result = call(*verify)
    assert result.code == 0 and "Note: the attestation out.intoto.json says" in result.out
    file.write_text(file.read_text().replace('"verdict": "passed"', '"verdict": "failed"'))
    result = call(*verify)
    assert result.code == 1
    lines = result.out.splitlines()
    assert lines[0].startswith("MR-VER-023 attested: out.intoto.json: verdict: it says 'failed'")
    assert lines[1].startswith("  Hint: don't trust the attestation")
    assert lines[-1].endswith("holds without it")


def test_what_is_missing_is_two_lines(call, tmp_path):
    made = make_repair(tmp_path)
    attest_folder(made.out)
    typed = ["verify", str(made.out), "--source", str(made.source)]
    for more in (["--attestation", "nowhere.json"], ["--public-key", "nowhere.pem"]):
        result = call(*typed, *more)
        assert (result.code, result.out) == (2, "")
        assert [line.partition(" ")[0] for line in result.err.splitlines()] == ["Error:", "Hint"]
