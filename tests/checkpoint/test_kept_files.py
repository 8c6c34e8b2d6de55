"""Which files of a source a repair keeps, and which it never takes."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from modelrepair.checkpoint.kept_files import (
    card_text,
    check_include,
    check_links,
    classify,
    kinds_left_behind,
    reason_left_behind,
)
from modelrepair.errors import DamagedCheckpointError, UsageError
from modelrepair.source.resolve import resolve
from tests.support.small_repairs import OLD_CARD, make_checkpoint


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "generation_config.json",
        "tokenizer.model",
        "vocab.json",
        "merges.txt",
        "source.spm",
        "chat_template.jinja",
        "additional_chat_templates/rag.jinja",
        "LICENSE",
        "LICENSE.txt",
        "Notice",
        "USE_POLICY.md",
        "qwen.tiktoken",
        "LICENSE-APACHE",
        "LICENSE-CODE",
        "USAGE_POLICY.md",
        "Acceptable Use Policy.pdf",
        "THIRD_PARTY_NOTICES.txt",
        "qwen_chat_template.jinja",
        "gpt/dict.txt",
        "Qwen LICENSE AGREEMENT.txt",
        "MODEL_LICENSE",
        "tekken.json",
        "tokenizer.model.v3",
        "tokenizer.model.v11",
        "spiece.model",
        "sentencepiece.bpe.model",
        "vocab.txt",
        "vocab-src.json",
        "target.spm",
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.json",
        "preprocessor_config.json",
        "processor_config.json",
        "video_preprocessor_config.json",
        "image_processor_config.json",
        "params.json",
        "original/tokenizer.model",
        "1_Pooling/config.json",
        "modules.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "configuration.json",
    ],
)
def test_kept(name):
    assert reason_left_behind(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pytorch_model.bin", "format"),
        ("model.gguf", "format"),
        ("original/consolidated.00.pth", "format"),
        ("consolidated.safetensors", "format"),
        ("model-00003-of-00002.safetensors", "index does not name"),
        ("pytorch_model.bin.index.json", "index of weights"),
        ("training_args.bin", "pickle"),
        ("extra.pkl", "a pickle"),
        ("optimizer.pt", "training state"),
        ("rng_state_0.pth", "training state"),
        ("trainer_state.json", "training state"),
        ("checkpoint-500/config.json", "training state"),
        (".gitattributes", "hidden"),
        (".git/config", "hidden"),
        ("repair/manifest.json", "earlier repair"),
        ("README.md", "old card"),
        ("readme.md", "old card"),
        ("modeling_mine.py", "custom code"),
        ("data.parquet", "not a kind"),
        ("train.jsonl", "not a kind"),
        ("train.json", "not a kind"),
        ("realign.json", "not a kind"),
        ("docs/README.md", "not a kind"),
        ("model_summary.yaml", "not a kind"),
        ("token.txt", "credentials"),
        ("hf_token", "credentials"),
        ("my-token.txt", "credentials"),
        ("credentials.json", "credentials"),
        ("sub/id_rsa.txt", "credentials"),
        ("service-account-7.json", "credentials"),
        ("license_api_key.txt", "credentials"),
        ("server.pem", "credentials"),
        ("wandb-metadata.json", "training state"),
        ("wandb/run-1/files/config.yaml", "training state"),
        ("wandb/run-1/files/config.json", "training state"),
        ("all_results.json", "training state"),
        ("runs/events.out.tfevents.1", "training state"),
        ("model.gguf.part1of2", "format"),
        ("PYTORCH_MODEL.BIN", "format"),
        ("model.safetensors.bak", "format"),
        ("handler.PY", "custom code"),
        ("notice.py", "custom code"),
        ("backup.tar.gz", "an archive"),
        ("old-adapter/adapter_config.json", "another model"),
        ("onnx/config.json", "another model"),
    ],
)
def test_left_behind(name, reason):
    assert reason in reason_left_behind(name)


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "a.bin", "a.pkl", "a.py", "a.sh", "token.txt", ".env", "optimizer.pt"],
)
def test_what_include_never_takes(name):
    assert reason_left_behind(name, ["*"])
    with pytest.raises(UsageError, match="can't take"):
        check_include(["*"], {name: reason_left_behind(name, ["*"])}, [])


def test_include_takes_more(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    (folder / "notes").mkdir()
    (folder / "notes" / "a.csv").write_text("a")
    (folder / "notes" / "b.csv").write_bytes(b"\x80\x04pickle")
    (folder / "notes" / "c.csv").write_text("#!/bin/sh")
    files = classify(folder, include=["notes/*"])
    assert "notes/a.csv" in files.kept
    assert files.left_behind["notes/b.csv"] == "a pickle under another name"
    assert files.left_behind["notes/c.csv"] == "code under another name"
    check_include(["notes/*"], files.left_behind, files.kept)
    with pytest.raises(UsageError, match="matches no file"):
        check_include(["*.tsv"], files.left_behind, files.kept)


def test_names_that_differ_in_case_alone(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    (folder / "Tokenizer.json").write_text("{}")
    (folder / "CONFIG.JSON").write_text("{}")
    files = classify(folder)
    assert files.left_behind["CONFIG.JSON"] == "another spelling of config.json"
    assert len({"Tokenizer.json", "tokenizer.json"} & set(files.kept)) == 1
    assert not {"CONFIG.JSON"} & set(files.kept)


def test_a_folder_called_as_a_file(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    (folder / "vocab.json").mkdir()
    (folder / "vocab.json" / "token.txt").write_text("hf_x")
    files = classify(folder)
    assert files.left_behind["vocab.json/token.txt"].startswith("credentials")


def test_left_behind_by_kind():
    named = ["token.txt", "optimizer.pt", "training_args.bin", "run.py", "a.csv", "b.gguf", "c.pkl"]
    assert kinds_left_behind({name: reason_left_behind(name) for name in named}) == {
        "code": 1,
        "credentials": 1,
        "other": 1,
        "other weights": 1,
        "pickles": 1,
        "training state": 2,
    }


def test_a_folder_is_sorted(tmp_path):
    folder = make_checkpoint(tmp_path / "model", sharded=True)
    for name in (".git", "repair", "checkpoint-1"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
    (folder / "outside.json").symlink_to(tmp_path / "secret.json")
    (tmp_path / "secret.json").write_text("{}")
    (folder / "nothing.json").symlink_to(folder / "nowhere")
    (folder / "vocab.json").symlink_to("config.json")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "vocab.txt").write_bytes(b"\x80\x04pickle")
    (folder / "merges.txt").write_bytes(b"PK\x03\x04")
    os.mkfifo(folder / "pipe.json")
    files = classify(folder)
    assert files.weights == ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert files.index == "model.safetensors.index.json"
    assert files.kept == (
        "LICENSE",
        "additional_chat_templates/tool_use.jinja",
        "config.json",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer.model",
        "vocab.json",
    )
    assert files.left_behind == {
        ".git/": "hidden",
        ".gitattributes": "hidden",
        "README.md": "the old card, quoted below the new one",
        "checkpoint-1/": "training state",
        "vocab.txt": "a pickle under another name",
        "merges.txt": "an archive under another name",
        "linked/": "a link to a folder",
        "nothing.json": "a link to nothing",
        "outside.json": "a link that leaves the model's folder",
        "pipe.json": "no plain file",
        "repair/": "the record of an earlier repair",
        "training_args.bin": "training state, a pickle",
    }


def test_a_snapshot_of_the_cache_is_made_of_links(tmp_path):
    original = make_checkpoint(tmp_path / "model")
    cache = tmp_path / "models--user--model"
    snapshot = cache / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cache / "blobs").mkdir()
    for number, name in enumerate(["config.json", "model.safetensors", "tokenizer.json"]):
        (cache / "blobs" / str(number)).write_bytes((original / name).read_bytes())
        (snapshot / name).symlink_to(f"../../blobs/{number}")
    (snapshot / "notes.csv").symlink_to(original / "LICENSE")
    check_links(snapshot)
    files = classify(snapshot)
    assert (files.weights, files.kept) == (
        ("model.safetensors",),
        ("config.json", "tokenizer.json"),
    )
    assert files.left_behind == {"notes.csv": "a link that leaves the model's folder"}


READ = [
    "README.md",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "chat_template.jinja",
    "preprocessor_config.json",
    "additional_chat_templates/tool_use.jinja",
    "LICENSE",
]


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("kind", ["link out", "link to nothing", "pipe"])
def test_a_file_that_is_read_and_is_no_file_of_the_model_is_refused(tmp_path, name, kind):
    folder = make_checkpoint(tmp_path / "model")
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    (tmp_path / "token").write_text("hf_canary")
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / ("token" if kind == "link out" else "nothing"))
    with pytest.raises(DamagedCheckpointError, match=re.escape(repr(name))):
        check_links(folder)
    with pytest.raises(DamagedCheckpointError):
        classify(folder)
    with pytest.raises(DamagedCheckpointError, match=re.escape(repr(name))):
        resolve(folder)


def test_a_folder_of_templates_that_is_a_link_is_refused(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    shutil.move(folder / "additional_chat_templates", tmp_path / "elsewhere")
    (folder / "additional_chat_templates").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedCheckpointError, match="additional_chat_templates"):
        check_links(folder)


def test_a_text_of_gigabytes_is_refused(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    with (folder / "chat_template.jinja").open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(DamagedCheckpointError, match="more than such a file can need"):
        check_links(folder)


def test_links_inside_the_folder_are_followed(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    (folder / "config.json").rename(folder / "real.json")
    (folder / "config.json").symlink_to("real.json")
    check_links(folder)
    assert "config.json" in classify(folder).kept


def test_the_old_card(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    assert card_text(folder) == OLD_CARD
    (folder / "README.md").unlink()
    assert card_text(folder) is None
