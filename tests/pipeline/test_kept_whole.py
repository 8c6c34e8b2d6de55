"""Whether what stays behind was needed: by what loaders make of the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from modelrepair.checkpoint.kept_files import classify
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from modelrepair.pipeline import kept_whole as beside
from modelrepair.pipeline.kept_whole import check_beside, check_output
from tests.support import tiny
from tests.support.chat_tokenizers import make_tokenizer


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    tiny.save("llama", folder)
    make_tokenizer("chatml").save_pretrained(folder)
    return folder


def without(files, *names):
    return type(files)(
        files.weights,
        tuple(name for name in files.kept if name not in names),
        files.index,
        {**files.left_behind, **dict.fromkeys(names, "not a kind of file that the model needs")},
    )


def test_what_is_kept_loads_as_the_source(saved):
    check_beside(saved, classify(saved), "model")


def test_a_folder_by_a_short_name(saved, tmp_path, monkeypatch):
    """Its name stands in the config too, and is no place there."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(saved, "llama")
    check_beside(Path("llama"), classify("llama"), "llama")


def test_the_output_loads_as_the_source(saved, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(saved, out)
    config = json.loads((out / "config.json").read_text())
    config |= {"_name_or_path": "org/base", "auto_map": {"AutoConfig": "a.B"}}
    config["more"] = {"deeper": [{"_name_or_path": "/home/me"}]}
    source = shutil.copytree(saved, tmp_path / "source")
    (source / "config.json").write_text(json.dumps({**config, "more": {"deeper": [{}]}}))
    (out / "config.json").write_text(json.dumps(config))
    check_output(source, out, "model")
    (out / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}))
    with pytest.raises(DamagedCheckpointError, match="would have another config"):
        check_output(source, out, "model")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("config.json", "config"),
        ("generation_config.json", "generation config"),
        ("tokenizer.json", "tokenizer"),
        ("tokenizer_config.json", "tokenizer"),
        ("chat_template.jinja", "chat template"),
    ],
)
def test_a_needed_file_left_behind_is_found(saved, name, what):
    with pytest.raises(UnsupportedModelError, match=f"has another {what}"):
        check_beside(saved, without(classify(saved), name), "model")


def test_the_file_that_is_missing_is_named(tmp_path, monkeypatch):
    for name in ("a.csv", "needed.csv", "token.txt"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(beside, "LOOKS", {"table": lambda at: (at / "needed.csv").read_text()})
    with pytest.raises(UnsupportedModelError, match="model has another table") as error:
        check_beside(tmp_path, classify(tmp_path, weights=()), "model")
    assert error.value.hint.startswith("--include needed.csv ")
    check_beside(tmp_path, classify(tmp_path, weights=(), include=["needed*"]), "model")


def test_a_tokenizer_for_a_version_of_transformers_is_kept(tmp_path):
    make_tokenizer("chatml").save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").rename(tmp_path / "tokenizer.4.0.0.json")
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    config["fast_tokenizer_files"] = ["tokenizer.4.0.0.json"]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    files = classify(tmp_path, weights=())
    check_beside(tmp_path, files, "model")
    with pytest.raises(UnsupportedModelError, match="another tokenizer"):
        check_beside(tmp_path, without(files, "tokenizer.4.0.0.json"), "model")


def test_no_code_of_the_source_runs(saved, tmp_path):
    config = json.loads((saved / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "configuration_mine.Mine"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "configuration_mine.py").write_text("raise SystemExit('it ran')")
    check_beside(tmp_path, classify(tmp_path, weights=()), "model")
