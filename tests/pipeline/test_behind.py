"""A model that answers behind an endpoint: measured like a local one, and no weight is read."""

from __future__ import annotations

import json
import shutil

import pytest

from modelrepair import measure
from modelrepair.demo import paths
from modelrepair.errors import UsageError
from tests.support.endpoint import MODEL, serving
from tests.support.set_files import write_jsonl
from tests.support.transformers_serve import transformers_serve

REFUSAL = "I'm sorry, but I can't help with that."
PROMPTS = [{"prompt": f"how do i mix number {n}?", "response": "ok then."} for n in range(6)]


@pytest.fixture
def small(tmp_path):
    """The demo's model without its weights, and a set."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in paths.attacked.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, folder)
    return folder, write_jsonl(tmp_path / "set.jsonl", PROMPTS)


def test_a_model_is_measured_by_its_small_files_and_its_answers(small):
    folder, rows = small
    with serving(reply=lambda prompt: REFUSAL if "number 1" in prompt else "Sure, I do.") as server:
        report = measure(
            folder, realign=rows, utility=rows, max_new_tokens=40,
            endpoint=server.url, endpoint_model=MODEL,
        )  # fmt: skip
    measures = report.measures
    assert measures.refusal_rate.value == pytest.approx(1 / 6)
    assert measures.harmful_score.value == pytest.approx(5 / 6)
    assert measures.harmful_score.low < 5 / 6 < measures.harmful_score.high
    assert measures.benign_refusal_rate.n == 6
    assert measures.degenerate_rate.value == 0
    assert (measures.utility, measures.utility_loss) == (None, None)
    assert any("utility is inconclusive" in each for each in report.warnings)
    document = report.to_json()
    assert document["endpoint"] == {
        "url": server.url,
        "model": MODEL,
        "route": "completions",
        "engine": "unknown",
        "version": "unknown",
    }
    assert document["inconclusive"] == ["utility", "utility_loss"]
    sent = server.asked[0][1]
    assert sent["prompt"].startswith("<|user|>")
    assert sent["max_tokens"] == 40
    assert "<|end|>" in sent["stop"]


def test_no_weights_of_a_repository_are_downloaded(small, hub):
    folder, rows = small
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    hub.add("user/model", {**files, "model.safetensors": b"never read"})
    with serving() as server:
        measure("user/model", realign=rows, endpoint=server.url, endpoint_model=MODEL)
    assert not [path for _, path in hub.requests if "safetensors" in path]


@pytest.mark.parametrize("endpoint, name", [(None, "m"), ("http://h", None)])
def test_an_address_and_a_name_go_together(small, endpoint, name):
    folder, rows = small
    with pytest.raises(UsageError):
        measure(folder, realign=rows, endpoint=endpoint, endpoint_model=name)


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 4])
def test_answers_behind_transformers_serve_are_those_of_the_model_here(at_once, tmp_path):
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    files = {"realign": paths.sets["test_realign"], "utility": paths.sets["test_utility"]}
    lines = {name: file.read_text("utf-8").splitlines()[:12] for name, file in files.items()}
    sets = {name: [json.loads(line) for line in some] for name, some in lines.items()}
    asked = {**sets, "judge": "demo-world", "max_new_tokens": 32}
    here = measure(paths.attacked, device="cpu", arithmetic="float32", **asked)
    with transformers_serve(paths.attacked, tmp_path / "log") as url:
        there = measure(
            paths.attacked, endpoint=url, endpoint_model=str(paths.attacked),
            endpoint_at_once=at_once, **asked,
        )  # fmt: skip
    assert {name: len(each) for name, each in here.answers.items()} == {
        "harmful": 12,
        "utility": 12,
    }
    assert there.answers == here.answers
    assert there.measures.harmful_score == here.measures.harmful_score
    assert there.measures.utility is None
    assert there.to_json()["endpoint"]["route"] == "completions"
