"""A model needs a type and a tokenizer; an adapter may use its base's."""

from __future__ import annotations

import json

import pytest

from modelrepair.errors import UnsupportedModelError
from modelrepair.source.parts import check_parts
from modelrepair.source.resolve import Source


def source(folder, config: dict, *files: str) -> Source:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    for name in files:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    return Source(None, None, folder, folder.name)


def test_a_config_without_a_type_is_refused(tmp_path):
    with pytest.raises(UnsupportedModelError, match="model names no model_type"):
        check_parts(source(tmp_path / "model", {"model_type": 3}, "tokenizer.json"))


@pytest.mark.parametrize("files", [[], ["original/tokenizer.json"]])
def test_a_tokenizer_is_needed_beside_the_weights(tmp_path, files):
    with pytest.raises(UnsupportedModelError, match="model holds no tokenizer") as error:
        check_parts(source(tmp_path / "model", {"model_type": "llama"}, *files))
    assert error.value.id == "no-tokenizer"


def test_an_adapter_uses_the_config_and_the_tokenizer_of_its_base(tmp_path):
    adapter = source(tmp_path / "adapter", {})
    check_parts(adapter, source(tmp_path / "base", {"model_type": "llama"}, "tokenizer.json"))
    with pytest.raises(UnsupportedModelError, match="adapter holds no tokenizer"):
        check_parts(adapter, source(tmp_path / "other", {"model_type": "llama"}))
