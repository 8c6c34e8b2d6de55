"""Ids in every form that people paste, and which names a repository can have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.errors import UsageError
from modelrepair.examples.find import set_name
from modelrepair.pipeline.arguments import RepairArguments, settings_of
from modelrepair.publishing.ahead import id_on_hub
from modelrepair.publishing.options import PushOptions
from modelrepair.settings.short_names import short
from modelrepair.source.address import id_for, is_id, read_name
from modelrepair.source.resolve import resolve

ODD = [
    "my model", "modèle", "模型", "a--b", "a..b", "-a", "a-", ".a", "a.", "x" * 97, "a.git",
    "a/b/c", "", "a b/c", "con?",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_no_id(name):
    assert not is_id(name)
    assert is_id(id_for(name)), id_for(name)
    assert is_id(id_for(name, "-repaired"))
    assert id_for(name, "-repaired").endswith("-repaired")


@given(st.text(max_size=120), st.sampled_from(["", "-repaired"]))
def test_a_suggestion_always_does(text, suffix):
    assert is_id(id_for(text, suffix))


@pytest.mark.parametrize("name", ["model", "user/model", "user/My_model-1.5", "CON"])
def test_an_id_is_suggested_as_it_is(name):
    assert is_id(name)
    assert id_for(name) == name


HF = "https://huggingface.co"

TAKEN = [
    ("user/model", "user/model"),
    ("gpt2", "gpt2"),
    (" user/model\n", "user/model"),
    ("user/model/", "user/model"),
    ("<https://huggingface.co/user/model>", "user/model"),
    ("user/model@main", "user/model@main"),
    ("user/model@refs/pr/1", "user/model@refs/pr/1"),
    ("user/model@feature/x", "user/model@feature/x"),
    ("models/user/model", "user/model"),
    ("user/model/tree/v2", "user/model@v2"),
    ("hf://user/model", "user/model"),
    ("hf://user/model@v2", "user/model@v2"),
    ("hf://user/model@refs/pr/1/model.safetensors", "user/model@refs/pr/1"),
    ("hf://models/user/model", "user/model"),
    ("hf.co/user/model", "user/model"),
    ("huggingface.co/user/model/", "user/model"),
    ("http://www.huggingface.co/user/model", "user/model"),
    ("HTTPS://HuggingFace.co/user/model", "user/model"),
    ("git@hf.co:user/model", "user/model"),
    (f"{HF}/user/model.git", "user/model"),
    (f"{HF}/gpt2", "gpt2"),
    (f"{HF}/gpt2/tree/main", "gpt2@main"),
    (f"{HF}/user/model?library=transformers#usage", "user/model"),
    (f"{HF}/user/model/tree/main/", "user/model@main"),
    (f"{HF}/user/model/tree/feature%2Fx", "user/model@feature/x"),
    (f"{HF}/user/model/blob/main/model.safetensors", "user/model@main"),
    (f"{HF}/user/model/resolve/refs%2Fpr%2F3/config.json?download=true", "user/model@refs/pr/3"),
    (f"{HF}/user/model/commit/0123abc", "user/model@0123abc"),
    (f"{HF}/user/model/discussions/4", "user/model@refs/pr/4"),
    (f"{HF}/user/model/settings", "user/model"),
    (f"{HF}/api/models/user/model/revision/v2", "user/model@v2"),
]
NONE = ["", "a/b/c", "my model", "user/modèle", "@", "user/model:main", HF, f"{HF}/"]
REFUSED = [
    ("spaces/user/x", "is a Space, and a model is asked for", "a Space shows a model"),
    (f"{HF}/spaces/user/x", "is a Space", "a Space shows a model"),
    ("datasets/org/name", "is a data set, and a model is asked for", "a data set goes with"),
    ("hf://datasets/org/name", "is a data set", "a data set goes with --realign"),
    (f"{HF}/collections/user/x-1f", "is a collection", "open it, and give the id of one"),
    (f"{HF}/papers/2408.09600", "is a paper", "open it, and give the id of one"),
    ("https://github.com/user/model", "is no address of the Hub", "an id on the Hub looks like"),
    ("s3://bucket/model", "is no address of the Hub", "an id on the Hub looks like"),
    (f"{HF}/user/model/tree/main/best", "best is a part of user/model",
     'hf download user/model --include "best/*" --local-dir fetched, then give fetched/best'),
    (f"{HF}/user/model/blob/v2/a/b/x.bin", "a/b is a part of user/model",
     'hf download user/model --revision v2 --include "a/b/*" --local-dir fetched, then'),
]  # fmt: skip
SETS = [
    ("org/name", "org/name"),
    ("org/name:config:train@v2", "org/name:config:train@v2"),
    ("datasets/org/name/", "org/name"),
    ("hf://datasets/org/name@v2", "org/name@v2"),
    (f"{HF}/datasets/org/name/tree/v2", "org/name@v2"),
    (f"{HF}/datasets/org/name/viewer/en/train?row=7", "org/name:en:train"),
    (f"self:{HF}/datasets/org/name", "self:org/name"),
    ("beavertails", "beavertails"),
    ("data/harmful.jsonl", "data/harmful.jsonl"),
    ("./datasets/mine", "./datasets/mine"),
]


@pytest.mark.parametrize(("text", "meant"), TAKEN)
def test_it_is_taken(text, meant):
    assert str(read_name(text)) == meant
    assert str(read_name(meant)) == meant, "it is what it says of itself"


@pytest.mark.parametrize("text", NONE)
def test_it_names_no_repository(text):
    assert read_name(text) is None
    with pytest.raises(UsageError):
        resolve(text)


@pytest.mark.parametrize(("text", "said", "hint"), REFUSED)
def test_it_is_said_what_it_is(text, said, hint):
    with pytest.raises(UsageError) as caught:
        read_name(text)
    assert said in str(caught.value) and caught.value.hint.startswith(hint)


@pytest.mark.parametrize(("text", "meant"), SETS)
def test_a_set_is_taken(text, meant):
    assert set_name(text) == meant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HF}/user/model", "is a model, and a data set is asked for"),
        ("spaces/user/x", "is a Space, and a data set is asked for"),
        (f"{HF}/datasets/org/name/blob/main/data/train.jsonl", "data/train.jsonl is a part of"),
    ],
)
def test_what_is_no_set(text, said):
    with pytest.raises(UsageError, match=said):
        set_name(text)


def test_another_endpoint(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.example.org/mirror/")
    assert str(read_name("https://hub.example.org/mirror/user/model/tree/v2")) == "user/model@v2"
    assert str(read_name(f"{HF}/user/model")) == "user/model"
    with pytest.raises(UsageError, match="no address of the Hub"):
        read_name("https://hub.example.org/user/model")


def test_settings_hold_the_shortest_form(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user" / "folder").mkdir(parents=True)
    given = {
        "reference": f"{HF}/org/aligned/tree/v1",
        "base": "hf.co/org/base",
        "also_template": [f"{HF}/org/other", "mine.jinja"],
        "realign": f"{HF}/datasets/org/name",
        "utility": "none",
        "test_utility": "data/a.jsonl",
    }
    made = settings_of(RepairArguments(f"{HF}/user/model/tree/v2", **given))
    assert (made.source, made.revision) == ("user/model", "v2")
    assert (made.reference, made.base) == ("org/aligned@v1", "org/base")
    assert made.also_template == ("org/other", "mine.jinja")
    assert (made.realign, made.utility, made.test_utility) == ("org/name", "none", "data/a.jsonl")
    for path in ("user/folder", "user/folder/", "./user/model"):
        assert settings_of(RepairArguments(path)).source == path
    assert short("user/model@refs/pr/1") == "user/model@refs/pr/1"
    assert PushOptions(to=f"{HF}/me/model/tree/b") == PushOptions(to="me/model", to_revision="b")
    assert id_on_hub("hf://org/aligned@v1") == "org/aligned"


@pytest.mark.parametrize(
    "text",
    ["hf download user/model", "@user/model", "user/model:Q4_K_M", "user//model",
     "from_pretrained('user/model')", "user/model/model.safetensors"],
)  # fmt: skip
def test_the_id_in_other_text_is_named(text):
    with pytest.raises(UsageError) as caught:
        resolve(text)
    assert caught.value.hint.startswith("did you mean 'user/model'?")
