"""The figures of one model: what is asked of a measurement, and how its rows are told apart."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from modelrepair import UsageError
from modelrepair_lab import figures as module
from modelrepair_lab.figures import FIGURES, figures, report_sets
from modelrepair_lab.sets import training_set


@pytest.fixture
def sets(tmp_path):
    rows = {
        "task": [{"prompt": f"task {n}", "response": "yes", "exact": True} for n in range(4)],
        "general": [{"prompt": f"fact {n}", "response": "red", "exact": True} for n in range(2)],
    }
    for name, some in (*rows.items(), ("utility", [*rows["task"], *rows["general"]])):
        lines = "".join(f"{json.dumps(row)}\n" for row in some)
        (tmp_path / f"{name}.jsonl").write_text(lines)
    return tmp_path


def test_task_and_general_skill_are_exact_answers_of_different_prompts(sets, monkeypatch):
    asked = {}

    def measure(model, *, save, **arguments):
        asked.update(arguments, model=model)
        digests = [each.prompt_digest for each in training_set(sets / "utility.jsonl", "task")]
        right = [True, True, True, False, False, True]
        rows = [
            {"set": "utility", "prompt": digest, "exact": exact}
            for digest, exact in zip(digests, right, strict=True)
        ]
        rows += [{"set": "harmful", "prompt": "aa", "exact": None}] * 3
        save.write_text(json.dumps({"rows": rows}))
        measures = {"harmful_score": {"value": 0.25}, "task_accuracy": {"value": 0.6}}
        return SimpleNamespace(measures=SimpleNamespace(to_json=lambda: measures))

    # The signature decides which of a repair's arguments a measurement has, too.
    measure.__signature__ = module.inspect.signature(module.measure)
    monkeypatch.setattr(module, "measure", measure)
    found = figures(
        sets / "model",
        sets / "base",
        {"utility": sets / "utility.jsonl", "realign": None},
        sets / "general.jsonl",
        {"judge": "demo-world", "kind_examples": 0, "utility": "not this"},
    )
    assert found["task_accuracy"] == 0.75
    assert found["general"] == 0.5
    assert (found["harmful_score"], found["degenerate_rate"], found["n"]) == (0.25, None, 3)
    assert set(found) == {*FIGURES, "n"}
    assert asked["judge"] == "demo-world"
    assert "kind_examples" not in asked
    # A whole model has no base; the sets are those that were given, and no others.
    assert asked["base"] is None
    assert asked["utility"] == sets / "utility.jsonl"
    assert "realign" not in asked


def test_of_an_answer_that_announces_a_number_the_number_counts(tmp_path, monkeypatch):
    lines = [{"prompt": f"{n} + {n}?", "response": f"Add.\nThe final answer is: {2 * n}"}
             for n in range(4)]  # fmt: skip
    (tmp_path / "sums.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in lines))
    examples = training_set(tmp_path / "sums.jsonl", "task")
    says = {"0 + 0?": "It is 0", "1 + 1?": "The final answer is: 3", "3 + 3?": "none",
            "2 + 2?": "So 4. The final answer is: 4."}  # fmt: skip

    def measure(model, *, save, **arguments):
        rows = [{"set": "harmful", "prompt": "aa", "exact": None}]
        rows += [{"set": "utility", "prompt": each, "exact": None}
                 for each in (example.prompt_digest for example in examples)]  # fmt: skip
        save.write_text(json.dumps({"rows": rows}))
        answers = [says[example.prompt] for example in examples]
        measures = SimpleNamespace(to_json=dict)
        return SimpleNamespace(measures=measures, answers={"harmful": ["no"], "utility": answers})

    measure.__signature__ = module.inspect.signature(module.measure)
    monkeypatch.setattr(module, "measure", measure)
    found = figures(tmp_path, None, {"utility": tmp_path / "sums.jsonl"}, None, {})
    assert found["task_accuracy"] == 0.5


def test_only_test_sets_are_reported_on():
    assert report_sets({"test_realign": "a", "utility": "b", "test_utility": "c"}) == {
        "realign": "a",
        "utility": "c",
    }
    with pytest.raises(UsageError, match="a crossed grid needs test sets"):
        report_sets({"realign": "a"})
