"""Stage 1, files: pickles, code, ``auto_map``, and weights that can't be looked at."""

from __future__ import annotations

import json

import pytest

from modelrepair.auditing.context import Context
from modelrepair.auditing.metadata.files import auto_map, code, no_weights, pickles
from modelrepair.auditing.opened import opened


@pytest.fixture
def finding(tmp_path):
    def of(check, **files):
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text)
        with opened(tmp_path) as model:
            return check(Context(model, 0))

    return of


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "a.pkl", "x.joblib", "model.ckpt", "training_args.bin", "a.PT"]
)
def test_pickles_are_found_by_their_names(finding, name):
    found = finding(pickles, **{name.replace(".", "__"): ""})
    assert found.outcome == "found"
    assert found.files == (name,)


def test_weights_and_configs_are_no_pickles(finding):
    assert finding(pickles, model__safetensors="", config__json="{}").outcome == "clear"


def test_code(finding):
    assert finding(code, config__json="{}").outcome == "clear"
    assert finding(code, modeling_x__py="").files == ("modeling_x.py",)


def test_auto_map_is_grave_but_where_transformers_has_the_layout(finding):
    assert finding(auto_map, config__json="{}").outcome == "clear"
    mapped = {"auto_map": {"AutoModel": "mine.Model"}, "model_type": "mine"}
    found = finding(auto_map, config__json=json.dumps(mapped))
    assert (found.outcome, found.severity) == ("found", "error")
    native = {"auto_map": {"AutoModel": "mine.Model"}, "model_type": "phi3"}
    assert finding(auto_map, config__json=json.dumps(native)).severity == "warning"


def test_auto_map_of_another_repository_is_named(finding):
    mapped = {"auto_map": {"AutoModel": "evil/code--mine.Model"}, "model_type": "phi3"}
    found = finding(auto_map, config__json=json.dumps(mapped))
    assert found.severity == "error"
    assert found.evidence["repositories"] == ["evil/code"]


def test_weights_in_another_format_are_not_looked_at_and_that_is_said(finding):
    found = finding(no_weights, config__json="{}", model__gguf="")
    assert found.outcome == "found"
    assert "model.gguf" in found.message
    assert finding(no_weights, model__safetensors="").outcome == "clear"
