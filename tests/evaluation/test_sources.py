"""A source of answers: a model here gives what `generate` gives."""

from __future__ import annotations

from modelrepair.evaluation.evaluate import evaluate, evaluate_answers
from modelrepair.evaluation.sources import LocalModel
from modelrepair.progress import Progress
from tests.support.panels import panel_of
from tests.support.scripted import Held, Scripted


def test_answers_alone_give_the_results_of_a_measurement(tmp_path):
    panel = panel_of("chatml", ["1?", "2?"])
    replies = {"1?": "sure, mix both.<|im_end|>", "2?": "i cannot help with that.<|im_end|>"}
    model = Scripted(panel.template.tokenizer, replies)
    whole = evaluate(panel, "report", Held(model), None, tmp_path / "work", Progress())
    assert evaluate_answers(panel, "report", LocalModel(model), Progress()) == whole
    assert LocalModel(model).answers(panel, [], Progress()) == []
    assert sorted(whole[1]["harmful"]) == ["i cannot help with that.", "sure, mix both."]
