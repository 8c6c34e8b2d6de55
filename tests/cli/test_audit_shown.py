"""An audit as people read it: what was not looked at is never left out."""

from __future__ import annotations

import pytest

from modelrepair.auditing.checks import RULES
from modelrepair.auditing.results import Audit, Base
from modelrepair.cli.audit_shown import line_of, shown
from modelrepair.cli.output import Output
from modelrepair.errors import HubError

PICKLE, CODE = RULES["MR-FIL-001"], RULES["MR-FIL-002"]


@pytest.fixture
def audit():
    return Audit(
        "user/model",
        commit="c" * 40,
        base=Base("user/base", None, "its card"),
        seed=7,
        ran=("metadata",),
        findings=(PICKLE.found("pickles: a.bin"), CODE.inconclusive("the network is down")),
        fetched={"model": 2000, "base": 0},
    )


def test_a_model_shows_stages_that_did_not_run_and_the_seed(audit):
    lines = [each for each in shown(audit) if isinstance(each, str)]
    assert lines[0] == f"user/model at {'c' * 40}"
    assert "user/base (named by its card)" in lines[1]
    assert lines[2].startswith("1 found (1 error), 1 inconclusive, 0 clear")
    assert any(line.startswith("not run: structure") for line in lines)
    assert any("seed 7" in line for line in lines)


def printed(audit: Audit, width: int, monkeypatch, capsys) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    Output().show(*shown(audit))
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [80, 100])
def test_twenty_findings_fit_a_terminal_each_with_what_to_do(width, monkeypatch, capsys):
    rules = list(RULES.values())
    audit = Audit(
        "user/model",
        ran=("metadata",),
        findings=tuple(rule.found(f"{rule.means}, in each of 291 tensors") for rule in rules[:20]),
    )
    lines = printed(audit, width, monkeypatch, capsys)
    assert max(map(len, lines)) <= width
    assert len(lines) <= 100
    text = " ".join(" ".join(lines).split())
    for rule in rules[:20]:
        grave = rule.severity != "note"
        assert f"{rule.severity} {rule.id} {rule.name} {rule.means}" in text
        assert (f"tensors do: {rule.do}" in text) or not grave


def test_rules_that_are_open_for_one_reason_share_a_row(monkeypatch, capsys):
    rules = list(RULES.values())[:30]
    audit = Audit(
        "user/model", ran=("metadata",), findings=tuple(each.inconclusive("no") for each in rules)
    )
    lines = printed(audit, 80, monkeypatch, capsys)
    assert sum(line.split() == ["no"] for line in lines) == 1
    assert all(each.id in "\n".join(lines) for each in rules)


def test_a_model_of_a_list_is_one_line(audit):
    assert line_of(audit) == "user/model: 1 found (pickle), 0 clear, 1 inconclusive"


def test_the_line_of_many_findings_names_the_gravest():
    rules = [rule for rule in RULES.values() if rule.severity == "warning"]
    found = tuple(rule.found("a") for rule in (*rules[:6], PICKLE))
    said = line_of(Audit("user/model", ran=("metadata",), findings=found))
    assert said.startswith(f"user/model: 7 found (pickle, {rules[0].name}, ")
    assert "and 2 more)" in said


def test_a_model_that_could_not_be_opened_says_why():
    failed = Audit("user/model", error=HubError("the Hub is down", hint="try again later"))
    assert line_of(failed) == "user/model: not looked at: the Hub is down; try again later"


def test_what_was_measured_stands_beside_the_base(monkeypatch, capsys):
    score = {"value": 0.9, "n": 60, "low": 0.8, "high": 0.95}
    behaviour = {
        "model": {"judge": "guard", "harmful_score": score},
        "base": {"judge": "guard", "harmful_score": {**score, "value": 0.1}},
        "differences": {"harmful_score": {**score, "value": 0.8, "low": 0.65}},
        "no_base": None,
        "endpoint": None,
        "warnings": ["short"],
    }
    audit = Audit("user/model", ran=("behaviour",), behaviour=behaviour)
    lines = printed(audit, 80, monkeypatch, capsys)
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "judge: guard; warning: short" in text
    assert "0.900 n=60 │ 0.100 n=60 │ 0.800 n=60" in text
    assert "[0.650, 0.950]" in text
    alone = Audit("m", ran=("behaviour",), behaviour={**behaviour, "base": None, "no_base": "no"})
    said = " ".join(printed(alone, 80, monkeypatch, capsys))
    assert "no base: no" in said and "0.100" not in said


def test_behaviour_that_was_not_asked_for_is_not_run(audit, monkeypatch, capsys):
    text = " ".join(" ".join(printed(audit, 80, monkeypatch, capsys)).split())
    assert "behaviour (--measure)" in text
