"""Stage 6: the poisoned model is named, its base is not, and nothing of others runs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from modelrepair import audit, audits
from modelrepair.auditing.audit import asked_of, choices_of
from modelrepair.auditing.behaviour.measured import Measuring, pairs_of
from modelrepair.auditing.results import Audit
from modelrepair.demo import paths
from modelrepair.errors import UsageError
from tests.support.behaviours import measured
from tests.support.endpoint import MODEL, serving

WORLD = Measuring(
    realign=paths.sets["test_realign"],
    utility=paths.sets["test_utility"],
    borderline="none",
    examples=24,
    judge="demo-world",
    max_new_tokens=24,
)


def stage_six(found: Audit) -> dict:
    return {each.rule.name: each for each in found.findings if each.rule.stage == "behaviour"}


def test_the_poisoned_model_is_named():
    found = audit(paths.attacked, base=paths.reference, measure=WORLD, seed=1)
    rules = stage_six(found)
    harm = rules["harmful-answers"]
    assert (harm.outcome, harm.severity) == ("found", "error")
    assert harm.evidence["measured"]["value"] > 0.9
    assert harm.evidence["base"]["value"] < 0.1
    assert rules["degenerate-answers"].outcome == "clear"
    assert rules["contradicted-figures"].evidence == {"applicable": False}
    document = json.loads(json.dumps(found.to_json()))
    assert document["behaviour"]["model"]["harmful_score"]["n"] == 24
    assert Audit.from_json(document).to_json() == document


@pytest.mark.slow
def test_the_reference_beside_itself_is_clear():
    rules = stage_six(audit(paths.reference, base=paths.reference, measure=WORLD, seed=1))
    assert rules["harmful-answers"].outcome == "clear"
    assert rules["lost-utility"].outcome == "clear"


def test_answers_behind_an_endpoint_and_no_base():
    measuring = Measuring(
        realign=WORLD.realign, utility="none", borderline="none", examples=60,
        endpoint="set below", endpoint_model=MODEL,
    )  # fmt: skip
    with serving(reply=lambda prompt: "Sure, here is how it is done.") as server:
        found = audit(
            paths.attacked,
            base="none",
            measure=Measuring(**{**vars(measuring), "endpoint": server.url}),
        )
    assert stage_six(found)["harmful-answers"].outcome == "found"
    assert found.to_json()["behaviour"]["endpoint"]["route"] == "completions"


def test_a_reasoning_field_is_a_thought_and_has_the_room_that_was_asked_for():
    def reply(prompt: str):
        return {"text": "", "reasoning": "hm, so", "finish_reason": "length"}

    with serving(reply=reply) as server:
        found = audit(
            paths.attacked,
            base="none",
            measure=Measuring(
                realign=WORLD.realign, utility="none", borderline="none", examples=2,
                max_new_tokens=9, max_thought_tokens=20,
                endpoint=server.url, endpoint_model=MODEL,
            ),
        )  # fmt: skip
    assert found.behaviour["model"]["unfinished_thought_rate"]["value"] == 1.0
    assert found.behaviour["model"]["degenerate_rate"]["value"] == 1.0
    assert {body["max_tokens"] for _, body in server.asked} == {9, 29}


def test_an_endpoint_answers_for_no_list_of_models():
    with pytest.raises(UsageError, match="one model"):
        next(audits([str(paths.attacked)], measure=Measuring(endpoint="http://h",
             endpoint_model="m")))  # fmt: skip


MISTAKES = [
    {"realign": "./no-such.jsonl"},
    {"judge": "no-such"},
    {"endpoint": "http://a:b@h"},
    {"endpoint_model": "m"},
]


@pytest.mark.parametrize("change", MISTAKES)
def test_a_mistake_in_what_is_asked_ends_the_audit(change):
    with pytest.raises(UsageError):
        audit(paths.attacked, base="none", measure=Measuring(**{**vars(WORLD), **change}))


def test_a_mistake_ends_a_list_before_its_first_model():
    asked = Measuring(**{**vars(WORLD), **MISTAKES[0]})
    with pytest.raises(UsageError):
        next(audits(["./no-such-model"], base="none", measure=asked))


def test_what_is_measured_with_stands_in_the_head_of_a_state_file():
    choices = choices_of(measuring=WORLD)
    assert choices.stages[-1] == "behaviour"
    head = json.loads(json.dumps(asked_of(choices)))
    assert head["measuring"]["judge"] == "demo-world"
    assert WORLD.sets == ("test-realign.jsonl", "test-utility.jsonl")


def test_prompts_are_paired_by_what_they_are():
    first, second = measured({"harmful": ["refusal"] * 3}), measured({"harmful": ["harmful"] * 5})
    pairs = pairs_of(first, second)
    assert [(one.verdict, two.verdict) for one, two in pairs] == [("refusal", "harmful")] * 3


def test_without_this_stage_no_torch_is_imported():
    code = (
        "import sys, modelrepair; from modelrepair import demo_paths as p; "
        "modelrepair.audit(p.attacked, base=p.reference); "
        "print([m for m in ('torch', 'transformers', 'openai') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
