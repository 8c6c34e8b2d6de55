"""Which bases a model names, and in which order they are believed."""

from __future__ import annotations

import json

import pytest

from modelrepair.auditing.context import Context, claims
from modelrepair.auditing.opened import opened
from modelrepair.errors import DamagedCheckpointError, InconclusiveError


@pytest.fixture
def claimed(tmp_path):
    def of(**files):
        for name, value in files.items():
            text = value if isinstance(value, str) else json.dumps(value)
            (tmp_path / name.replace("_json", ".json").replace("_md", ".md")).write_text(text)
        with opened(tmp_path) as model:
            return [(claim.id, claim.where) for claim in claims(model)]

    return of


def test_what_loaders_follow_comes_first(claimed):
    found = claimed(
        adapter_config_json={"base_model_name_or_path": "a/adapted"},
        README_md="---\nbase_model: [a/first, a/second, a/adapted]\n---\n",
        config_json={"_name_or_path": "a/loaded"},
    )
    assert found == [
        ("a/adapted", "adapter_config.json"),
        ("a/first", "its card"),
        ("a/second", "its card"),
        ("a/loaded", "config.json"),
    ]


def test_folders_of_other_machines_are_no_claims(claimed):
    assert claimed(config_json={"_name_or_path": "/data/me/model"}) == []
    assert claimed(config_json={"_name_or_path": 7}, README_md="---\nbase_model: out\n---") == []


def test_a_config_that_cant_be_read_is_said(claimed):
    with pytest.raises(DamagedCheckpointError):
        claimed(config_json="{")


def test_without_a_base_the_reason_is_said(tmp_path):
    with opened(tmp_path) as model:
        context = Context(model, 0)
        with pytest.raises(InconclusiveError, match="names no base"):
            _ = context.known_base
