"""What a repair has to do, counted from its settings and sets, for the estimate of its time."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import modelrepair
from modelrepair.demo import paths
from modelrepair.pipeline import planning
from modelrepair.plugin.registry import load_registry
from modelrepair.preflight.speed import Speed, WorkPart
from modelrepair.preflight.workload import job_of
from modelrepair.settings.settings import Settings


def test_a_job_counts_what_the_settings_ask_for():
    registry = load_registry()
    wanda, contrast = (registry.scorer(name).spec for name in ("wanda", "contrast"))
    search = Settings("m", ratio="auto")
    job = job_of(search, [wanda, contrast], "weight", None, reference=True)
    assert (job.models, job.report.prompts, job.select.prompts) == (3, 768, 384)
    assert [each.rounds for each in job.searches] == [(1, 1), (1, 40)]
    assert [each.answered for each in job.searches] == [(1, 8), (1, 8)]
    fixed = job_of(
        Settings("m", ratio=0.001, step=0.00025), [contrast], "weight", None, reference=False
    )
    assert (fixed.models, fixed.searches[0].rounds, fixed.select) == (2, (4, 4), WorkPart())
    few = job_of(
        Settings("m", ratio=0.001, evaluate=False, examples=8), [wanda], "weight", None,
        reference=False,
    )  # fmt: skip
    assert (few.models, few.report, few.searches[0].tokens) == (0, WorkPart(), 2 * 8 * 128)
    later = job_of(replace(search, answer_later=True), [wanda], "weight", None, reference=True)
    assert (later.models, later.searches) == (3, job.searches[:1])
    for taken, answered in ((later.report, job.report), (later.select, job.select)):
        assert taken == replace(answered, prompts=0, asked=0)


def test_benign_answers_are_counted_where_they_are_scored_and_where_they_protect():
    def tokens(scorer, subject, **more):
        spec = load_registry().scorer(scorer).spec
        settings = Settings("m", ratio=0.01, examples=10, **more)
        return job_of(settings, [spec], subject, None, reference=False).searches[0].tokens

    assert tokens("wanda", "weight") == 2 * tokens("wanda", "delta")
    assert tokens("wanda", "weight", protect=0.0) == tokens("wanda", "delta")
    assert tokens("contrast", "weight") == tokens("contrast", "delta")


def test_sets_that_were_not_named_count_as_full():
    asked = {"device": "cpu", "ratio": 0.01, "scorer": "wanda", "judge": "demo-world"}
    unknown = modelrepair.plan(paths.attacked, **asked)
    known = modelrepair.plan(paths.attacked, **asked, **paths.sets)
    assert any("full example sets" in note for note in unknown.notes)
    assert not any("full example sets" in note for note in known.notes)
    assert 0 < unknown.seconds_least < unknown.seconds_most


def test_thoughts_are_counted_where_the_tokenizer_has_marks_for_them(monkeypatch, tmp_path):
    monkeypatch.setattr(planning, "measured_speed", lambda: Speed(1e8, 1e8))
    asked = {"device": "cpu", "ratio": 0.01, "scorer": "wanda", "judge": "demo-world",
             "reference": "none", **paths.sets}  # fmt: skip
    wide = shutil.copytree(paths.attacked, tmp_path / "wide")  # with room for a thought
    config = json.loads((wide / "config.json").read_text())
    (wide / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 4096}))
    thinks = shutil.copytree(wide, tmp_path / "thinks")
    settings = json.loads((thinks / "tokenizer_config.json").read_text())
    template = settings.pop("chat_template", None) or (thinks / "chat_template.jinja").read_text()
    (thinks / "tokenizer_config.json").write_text(json.dumps(settings))
    (thinks / "chat_template.jinja").write_text(template + "{# </think> #}")
    plain, made, named, still = (
        modelrepair.plan(source, **asked, **more)
        for source, more in (
            (wide, {}),
            (thinks, {}),
            (wide, {"thought_markers": ["<plan> </plan>"]}),
            (thinks, {"evaluate": False}),
        )
    )
    assert made.seconds_most > 5 * plain.seconds_most
    assert (made.seconds_least, made.seconds_most) == (plain.seconds_least, named.seconds_most)
    noted = [any("thoughts of up to 1,024" in n for n in p.notes) for p in (made, named, plain)]
    assert noted == [True, True, False]
    assert not any("thoughts" in note for note in still.notes)
