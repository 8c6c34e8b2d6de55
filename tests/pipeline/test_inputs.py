"""What a repair is made on: every file that it reads, by digest; code too."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from types import SimpleNamespace

import pytest

from modelrepair.errors import DamagedCheckpointError
from modelrepair.pipeline.inputs import check_unchanged, inputs_of
from modelrepair.plugin.loading import Registered
from modelrepair.preflight.plugins import SelectedPlugins
from modelrepair.progress import Progress

FILES = (
    "model.safetensors",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "README.md",
)


def model(folder, role=""):
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(f"{role} {name}")
    checkpoint = SimpleNamespace(files=FILES[:1], index=None)
    return SimpleNamespace(source=SimpleNamespace(folder=folder), checkpoint=checkpoint)


SETS = SimpleNamespace(given={"realign": SimpleNamespace(digest="abc")})


def chosen(**judge):
    registered = Registered(SimpleNamespace(name="keyword", load="a:b"), "modelrepair", "1")
    return SelectedPlugins((), registered, SimpleNamespace(**judge))


def test_every_file_of_every_model_counts(tmp_path):
    models = {role: model(tmp_path / role, role) for role in ("source", "base", "reference", "x")}
    before = inputs_of(SETS, chosen(), models, Progress())
    for role, some in models.items():
        for name in FILES:
            path = some.source.folder / name
            stat, content = path.stat(), path.read_bytes()
            path.write_bytes(content[:-1] + b"!")
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # same size, same time
            now = inputs_of(SETS, chosen(), models, Progress())
            assert {key for key in now if now[key] != before[key]} == {f"{name} of the {role}"}
            path.write_bytes(content)
    assert inputs_of(SETS, chosen(), models, Progress()) == before
    (models["source"].source.folder / "special_tokens_map.json").write_text("{}")
    added = inputs_of(SETS, chosen(), models, Progress()).keys() - before.keys()
    assert added == {"special_tokens_map.json of the source"}


def test_sets_judge_and_libraries_count(tmp_path):
    found = inputs_of(SETS, chosen(inputs={"commit": "def"}), {"source": None}, Progress())
    assert found["the realign set"] == "abc"
    assert found["commit of the judge"] == "def"
    assert found["torch"] == importlib.metadata.version("torch")
    assert "the code of the judge keyword" in found
    assert "commit of the judge" not in inputs_of(SETS, chosen(), {}, Progress())


def test_a_blob_of_the_hub_counts_by_its_name_and_is_not_read(tmp_path):
    repository = tmp_path / "models--user--model"
    snapshot = repository / "snapshots" / ("c" * 40)
    some = model(snapshot)
    blobs = repository / "blobs"
    blobs.mkdir()
    named = {"model.safetensors": "a1" * 32, "tokenizer.json": "b2" * 32, "config.json": "c3" * 20}
    for name, blob in named.items():
        (snapshot / name).replace(blobs / blob)
        (snapshot / name).symlink_to(f"../../blobs/{blob}")
    found = inputs_of(SETS, chosen(), {"source": some}, Progress())
    assert found["model.safetensors of the source"] == "a1" * 32
    assert found["tokenizer.json of the source"] == "b2" * 32
    small = hashlib.sha256((blobs / named["config.json"]).read_bytes()).hexdigest()
    assert found["config.json of the source"] == small, "git's own digest is no SHA-256"


def test_a_name_that_looks_like_a_digest_is_read_elsewhere(tmp_path):
    some = model(tmp_path / "source")
    folder = some.source.folder
    (folder / "model.safetensors").replace(folder / ("a1" * 32))
    (folder / "model.safetensors").symlink_to("a1" * 32)
    found = inputs_of(SETS, chosen(), {"source": some}, Progress())
    assert found["model.safetensors of the source"] != "a1" * 32


def test_what_changed_while_it_was_repaired_is_refused():
    inputs = {"config.json of the base": "1f"}
    check_unchanged(inputs, "base", {"config.json": "1f", "not known.json": "2a"})
    with pytest.raises(DamagedCheckpointError, match=r"config\.json of the base was changed"):
        check_unchanged(inputs, "base", {"config.json": "2a"})
