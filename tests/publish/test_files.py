from __future__ import annotations

import os

import pytest

from modelrepair.errors import UnsupportedModelError
from modelrepair.publish.files import card_text, classify, reason_left_behind
from tests.publish.made import OLD_CARD, make_checkpoint


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
        "assets/logo.PNG",
        "docs/README.md",
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
        ("consolidated.safetensors", "index does not name"),
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
    ],
)
def test_left_behind(name, reason):
    assert reason in reason_left_behind(name)


def test_a_folder_is_sorted(tmp_path):
    folder = make_checkpoint(tmp_path / "model", sharded=True)
    for name in (".git", "repair", "checkpoint-1"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
    (folder / "outside.json").symlink_to(tmp_path / "secret.json")
    (tmp_path / "secret.json").write_text("{}")
    (folder / "nothing.json").symlink_to(folder / "nowhere")
    (folder / "inside.json").symlink_to("config.json")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "fake.json").write_bytes(b"\x80\x04pickle")
    (folder / "fake.txt").write_bytes(b"PK\x03\x04")
    os.mkfifo(folder / "pipe.json")
    files = classify(folder)
    assert files.weights == ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert files.index == "model.safetensors.index.json"
    assert files.kept == (
        "LICENSE",
        "additional_chat_templates/tool_use.jinja",
        "config.json",
        "inside.json",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer.model",
    )
    assert files.left_behind == {
        ".git/": "hidden",
        ".gitattributes": "hidden",
        "README.md": "the old card, quoted below the new one",
        "checkpoint-1/": "training state",
        "fake.json": "a pickle under another name",
        "fake.txt": "an archive under another name",
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
    (snapshot / "LICENSE").symlink_to(original / "LICENSE")
    files = classify(snapshot)
    assert (files.weights, files.kept) == (
        ("model.safetensors",),
        ("config.json", "tokenizer.json"),
    )
    assert files.left_behind == {"LICENSE": "a link that leaves the model's folder"}


def test_a_config_that_is_a_link_out_is_refused(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    (folder / "config.json").rename(tmp_path / "config.json")
    (folder / "config.json").symlink_to(tmp_path / "config.json")
    with pytest.raises(UnsupportedModelError, match=r"config\.json can't be published"):
        classify(folder)


def test_the_old_card(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    assert card_text(folder) == OLD_CARD
    (folder / "README.md").unlink()
    assert card_text(folder) is None
