"""Every forgery that `verify` is tested with, through `audit`: found, and never called proven."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from modelrepair.artifact.manifest import MANIFEST_NAME
from tests.support.forgeries import FORGERIES, Made
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.sealing import seal
from tests.support.small_repairs import make_repair, results

FINDING = re.compile(r"^MR-VER-\d{3} ")


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> Made:
    return make_repair(tmp_path_factory.mktemp("forged"), store_values=True)


@pytest.fixture
def made(untouched, tmp_path) -> Made:
    return replace(untouched, out=Path(shutil.copytree(untouched.out, tmp_path / "out")))


@pytest.fixture
def audited(made, call):
    """The exit code of an audit with these options, and its document."""

    def audit(*options):
        done = call(
            "audit", made.out, "--base", "none", "--source", made.source, "--json", *options
        )
        return done.code, done.json

    return audit


def test_the_repair_itself_is_proven(audited):
    _, document = audited("--proof")
    assert {each["outcome"] for each in document["stages"]["proof"]} == {"clear"}


@pytest.mark.quick(
    "weights: a bit *",
    "weights, sealed: a masked*",
    "weights: no*",
    "mask, sealed: its*",
    "values, sealed: m*",
    "manifest: 0",
    "manifest: no*",
    "verdicts, sealed*",
    "verdict: row 3",
    "card: 2",
    "picture, sealed: 0",
    "added, listed: handler.py",
    "added: an*",
    "a link*",
    "*/manifest.json: deep",
    "*/mask.safetensors: link",
)
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found(made, audited, name):
    FORGERIES[name](made)
    code, document = audited("--proof")
    assert code == 1
    first = document["stages"]["proof"][0]
    assert (first["id"], first["outcome"], first["severity"]) == ("MR-PRF-001", "found", "error")
    assert first["evidence"]["findings"]
    assert all(FINDING.match(each) for each in first["evidence"]["findings"])
    # The stages before it say nothing of the claim, and what they say quotes no part of the card.
    others = [row for stage, rows in document["stages"].items() if stage != "proof"
              for row in rows if rows != "not run"]  # fmt: skip
    assert not re.search(r"prove|verified|repaired", json.dumps([row["message"] for row in others]))


@pytest.mark.parametrize(("better", "code"), [("verdict", "gate"), ("measures", "measure")])
def test_a_failed_repair_that_says_it_passed(tmp_path, call, better, code):
    failed = make_repair(tmp_path, measured={"before": results(200), "after": results(180)})
    honest = make_repair(tmp_path / "honest").out / MANIFEST_NAME
    said = json.loads(honest.read_text())
    seal(failed, lambda document: document.update({better: said[better]}))
    done = call(
        "audit", failed.out, "--base", "none", "--source", failed.source, "--proof", "--json"
    )
    assert done.code == 1
    assert f" {code}: " in json.dumps(done.json["stages"]["proof"][0]["evidence"]["findings"])


@pytest.mark.parametrize("name", ["manifest: 0", "card: 2", "manifest: none"])
def test_a_proof_that_was_not_asked_for_is_not_run(made, audited, call, name):
    FORGERIES[name](made)
    assert audited()[1]["stages"]["proof"] == "not run"
    shown = call("audit", made.out, "--base", "none").out
    assert "proof (--proof)" in shown and "MR-PRF" not in shown


def test_a_forgery_on_the_hub_is_found(hub, tmp_path, call):
    made = on_the_hub(hub, tmp_path)
    for name in ("weights: no weights", "added: an adapter's config", "manifest: no record at all"):
        forged = replace(made, out=Path(shutil.copytree(made.out, tmp_path / "forged")))
        FORGERIES[name](forged)
        hub.add("me/forged", files_of(forged.out))
        shutil.rmtree(forged.out)
        done = call("audit", "me/forged", "--proof", "--json")
        first = done.json["stages"]["proof"][0]
        assert (done.code, first["outcome"], first["severity"]) == (1, "found", "error"), name
