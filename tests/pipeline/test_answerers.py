"""What answers for a model: which server, which model there, which files."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from modelrepair.artifact.measurement import Measurement, write_measurement
from modelrepair.artifact.records import AnswersRecord, JudgeRecord, Origin, Tool
from modelrepair.errors import EndpointError, UsageError
from modelrepair.pipeline.answerers import find_answerer, is_address
from modelrepair.pipeline.how_asked import asking
from modelrepair.settings.settings import Settings
from tests.support.endpoint import serving

SOURCE = Origin(id="user/model", hub=True)
FOLDER = Origin(id="model")


def found(place, role="before", model=None, source=SOURCE, wanted=SOURCE):
    judge, settings = JudgeRecord(name="keyword"), Settings("x")
    return find_answerer(role, place, model, 8, judge, settings, source, wanted)


def test_an_address_is_no_file():
    assert is_address("http://h/v1")
    assert not is_address("before.json")
    assert not is_address(Path("before.json"))


def test_the_model_is_the_one_that_the_server_has_or_the_one_that_is_named():
    with serving(model="user/model") as server:
        assert found(server.url).model == "user/model"
        assert found(server.url, model="mine").model == "mine"
    with serving(model="served-as-this") as server:
        assert found(server.url).model == "served-as-this"
    with serving(model="any/other") as server:
        assert found(server.url, source=FOLDER, wanted=FOLDER).model == "any/other"
        assert found(server.url, "after", wanted=None).model == "any/other"


def test_a_server_with_another_model_is_refused_unless_that_is_named():
    with serving(model="any/other") as server:
        with pytest.raises(EndpointError, match="the source model is 'user/model'") as refused:
            found(server.url)
        assert refused.value.id == "endpoint-other-model"
        assert "--before-model" in refused.value.hint
        assert found(server.url, model="any/other").model == "any/other"
    with (
        serving(model="user/model") as server,
        pytest.raises(EndpointError, match="not the repair"),
    ):
        found(server.url, "after", wanted=None)


@pytest.mark.parametrize(
    ("role", "measured", "source", "said"),
    [
        ("before", "user/model", SOURCE, ""),
        ("before", "model", SOURCE, ""),
        ("before", "any/other", FOLDER, ""),
        ("before", "any/other", SOURCE, "the source model is 'user/model'"),
        ("reference", "any/other", SOURCE, "the reference model is 'user/model'"),
        ("after", "model-repaired", SOURCE, ""),
        ("after", "me/model-repaired", SOURCE, ""),
        ("after", "user/model", SOURCE, "which is the source and not the repaired model"),
    ],
)
def test_a_measurement_of_another_model_is_refused(role, measured, source, said, tmp_path):
    answers = AnswersRecord(engine="vllm", model="served-as-this", route="completions")
    write_measurement(
        tmp_path / "saved.json",
        Measurement(
            tool=Tool(version="1"), model=measured, judge=JudgeRecord(name="keyword"),
            asked=asking(Settings("x")), answers=answers, rows=(),
        ),
    )  # fmt: skip
    wanted = None if role == "after" else source
    with pytest.raises(UsageError, match=said) if said else nullcontext() as refused:
        found(tmp_path / "saved.json", role, source=source, wanted=wanted)
    assert not said or (refused.value.id, bool(refused.value.hint)) == ("other-measurement", True)


def test_a_server_that_lists_no_model_wants_a_name():
    with serving(routes=("completions",)) as server, pytest.raises(UsageError, match="no models"):
        found(server.url)


@pytest.mark.parametrize(
    ("place", "model", "said"),
    [
        ("http://", None, "--before is no address"),
        ("http://me:s3cret@h/v1", None, "holds a user or a password"),
        ("http://h/v1?key=s3cret", None, "where keys are"),
        ("nowhere.json", "m", "--before-model goes with the address"),
        ("nowhere.json", None, "no such file"),
        (["http://h/v1", "a.json"], None, "given twice"),
    ],
)
def test_what_is_neither_is_refused_without_saying_a_secret(place, model, said):
    with pytest.raises(UsageError, match=said) as refused:
        found(place, model=model)
    assert "s3cret" not in f"{refused.value} {refused.value.hint}"
