"""Files of a source that were not fetched are said to be left behind, with the reason."""

from __future__ import annotations

import json

import pytest

from modelrepair.errors import ModelRepairError
from modelrepair.source.kept import files_of_source
from modelrepair.source.resolve import Source


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (tmp_path / "tokenizer.json").write_text("{}")
    return tmp_path


def test_what_was_not_fetched_has_its_reason(folder):
    left = ("model.safetensors", "optimizer.pt", "notes.csv")
    source = Source("user/model", "c", folder, "model", left_behind=left, complete=False)
    files = files_of_source(source)
    assert list(files.left_behind) == sorted(left)
    assert files.left_behind["notes.csv"] != files.left_behind["optimizer.pt"]
    assert "not fetched" not in files.left_behind.values()
    assert files_of_source(source, ["notes.csv"]).left_behind["notes.csv"] == "not fetched"


def test_a_whole_source_without_weights_is_refused(folder):
    with pytest.raises(ModelRepairError):
        files_of_source(Source(None, None, folder, "model"))
