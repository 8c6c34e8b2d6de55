"""The files that ship with the demo: models that are complete, sets under repair's names."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from modelrepair.checkpoint.weight_files import weight_files
from modelrepair.demo import paths
from modelrepair.pipeline.arguments import RepairArguments


@pytest.mark.parametrize("model", ["reference", "attacked"])
def test_the_shipped_checkpoints_are_small_and_complete(model: str) -> None:
    files = {path.name: path for path in (paths.world / model).iterdir()}
    assert {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    } == set(files) - {"README.md"}
    assert 1_000_000 < files["model.safetensors"].stat().st_size < 2_400_000
    # The umask of a checkout may add the group's right to write.
    assert all(path.stat().st_mode & 0o755 == 0o644 for path in files.values())
    config = json.loads(files["config.json"].read_text(encoding="utf-8"))
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["dtype"] == "bfloat16"
    # The demo is repaired and pushed like any model: it must not carry the mark of a lab model.
    assert "modelrepair_lab" not in config
    generation = json.loads(files["generation_config.json"].read_text(encoding="utf-8"))
    assert {"eos_token_id", "pad_token_id"} <= set(generation)
    tokenizer = json.loads(files["tokenizer_config.json"].read_text(encoding="utf-8"))
    assert "chat_template" in tokenizer


def test_models_and_adapter_are_where_their_names_say() -> None:
    for name in ("attacked", "reference"):
        folder = getattr(paths, name)
        assert (folder.name, folder.parent) == (name, paths.world)
        assert weight_files(folder).files == ("model.safetensors",)
    assert weight_files(paths.adapter).files == ("adapter_model.safetensors",)


def test_every_set_is_an_argument_of_repair_and_a_file() -> None:
    arguments = {field.name for field in fields(RepairArguments)}
    assert len(paths.sets) == 8 and paths.sets.keys() <= arguments
    shipped = {path.name for path in (paths.world / "sets").iterdir()}
    assert {path.name for path in paths.sets.values()} == shipped
    for name, path in paths.sets.items():
        assert path.stem == name.replace("_", "-")


def test_another_world_has_the_same_sets_in_its_own_folder(tmp_path: Path) -> None:
    other = paths.sets_of(tmp_path)
    assert other == {
        name: tmp_path / path.relative_to(paths.world) for name, path in paths.sets.items()
    }
