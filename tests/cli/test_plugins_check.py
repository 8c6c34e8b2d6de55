"""``modelrepair plugins check``: the kit as a command."""

from __future__ import annotations

import json

import pytest

from modelrepair.testing.kinds import KINDS
from tests.support.installed import install, scorer_code, site  # noqa: F401

OF_YORE = {"id": "of-yore", "outcome": "passed"}


def test_a_good_plugin(call):
    result = call("plugins", "check", "keyword", "--json")
    assert result.code == 0
    assert [each["id"] for each in result.json["checks"]] == [
        check.id for check in KINDS["judge"].checks
    ]
    assert result.json["counts"]["failed"] == 0
    assert result.json["disappeared"] == []


def test_people_are_shown_a_table_and_the_counts(call):
    shown = call("plugins", "check", "keyword").out
    assert "registered-once" in shown
    assert "judge keyword of modelrepair" in shown


def test_a_check_that_disappears_fails(call, tmp_path):
    record = tmp_path / "record.json"
    document = call("plugins", "check", "keyword", "--json").json
    record.write_text(json.dumps(document))
    assert call("plugins", "check", "keyword", "--record", record).code == 0
    document["checks"].append(OF_YORE)
    record.write_text(json.dumps(document))
    result = call("plugins", "check", "keyword", "--record", record, "--json")
    assert result.code == 1
    assert result.json["disappeared"] == ["of-yore"]
    assert "of-yore ran in" in call("plugins", "check", "keyword", "--record", record).out


def test_what_the_record_expects_to_fail_may_fail(call, install, tmp_path):  # noqa: F811
    install("nameless-scorer", scorer_code("nameless").replace("a test's scorer", ""))
    record = tmp_path / "record.json"
    document = call("plugins", "check", "nameless", "--json").json
    for each in document["checks"]:
        if each["outcome"] == "failed":
            each |= {"outcome": "expected-failure", "expected": "a known fault"}
    record.write_text(json.dumps(document))
    result = call("plugins", "check", "nameless", "--record", record, "--json")
    assert result.code == 0
    assert result.json["counts"]["expected_failure"] > 0


def test_a_record_of_another_plugin_is_refused(call, tmp_path):
    record = tmp_path / "record.json"
    record.write_text("[]")
    result = call("plugins", "check", "keyword", "--record", record)
    assert result.code == 2
    assert "holds no record of the judge keyword with these options" in result.err


def test_the_record_of_the_same_options_counts(tmp_path, call):
    record = tmp_path / "record.json"
    check = ("plugins", "check", "magnitude", "--record", record)
    document = call(*check[:3], "--json").json
    other = {**document, "options": {"norm": "mean"}, "checks": [OF_YORE]}
    record.write_text(json.dumps([other, document]))
    assert call(*check).code == 0
    record.write_text(json.dumps([other]))
    result = call(*check)
    assert result.code == 2
    assert "it holds: scorer magnitude norm=mean" in result.err


@pytest.mark.parametrize(("name", "code"), [("keywordd", 2), ("broken", 5), ("nameless", 1)])
def test_exit_codes(call, install, name, code):  # noqa: F811
    install("modelrepair-broken", "raise ImportError('no such thing')")
    install("nameless-scorer", scorer_code("nameless").replace("a test's scorer", ""))
    assert call("plugins", "check", name).code == code
