"""Who judged, what answered, how it was asked: recorded without secrets, places and addresses."""

from __future__ import annotations

from modelrepair.evaluation.endpoint import Served
from modelrepair.pipeline.how_asked import answered_by, asking, judge_record
from modelrepair.preflight.plugins import find_plugins, with_judge
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings


def test_a_judge_is_recorded_with_its_version():
    settings = Settings("user/model", judge="demo-world")
    record = judge_record(settings, with_judge(find_plugins(settings, Notes())))
    assert (record.name, record.distribution, record.options) == ("demo-world", "modelrepair", {})
    assert record.version


def test_a_server_is_recorded_by_engine_and_model_and_never_by_its_address():
    served = Served("http://10.0.0.7:8000/v1", "/home/me/model", "completions", "vllm", "0.9")
    record = answered_by(served, "m", asking(Settings("user/model")))
    assert (record.engine, record.version, record.model) == ("vllm", "0.9", "model")
    assert record.settings["temperature"] == 0
    assert record.settings["max_new_tokens"] == 128
    assert "10.0.0.7" not in record.model_dump_json()


def test_two_measurements_are_asked_alike_where_answers_may_be_as_long():
    one = asking(Settings("user/model"))
    assert one == asking(Settings("user/other", seed=7))
    assert one != asking(Settings("user/model", max_new_tokens=9))
