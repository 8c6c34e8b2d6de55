"""Ids in every form that people paste: taken, or said what they are."""

from __future__ import annotations

import json
import shutil

import pytest

import modelrepair
from modelrepair.artifact.manifest import Origin
from modelrepair.demo import paths
from modelrepair.errors import HubError, UsageError
from modelrepair.examples.find import find_set, set_name
from modelrepair.examples.load import SetReading
from modelrepair.pipeline.arguments import RepairArguments, settings_of
from modelrepair.publishing.ahead import id_on_hub
from modelrepair.publishing.options import PushOptions
from modelrepair.settings.short_names import short
from modelrepair.source.address import read_name
from modelrepair.source.resolve import resolve
from modelrepair.verification.origins import pinned
from tests.support.hub.repaired import files_of

HF = "https://huggingface.co"
ROWS = '{"prompt": "a", "response": "b"}\n{"prompt": "c", "response": "d"}\n'

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
     "hf download user/model --include 'best/*' --local-dir fetched, then give fetched/best"),
    (f"{HF}/user/model/blob/v2/a/b/x.bin", "a/b is a part of user/model",
     "hf download user/model --revision v2 --include 'a/b/*' --local-dir fetched, then"),
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


MODEL = {"config.json": b"{}", "model.safetensors": b"weights", "README.md": b"a card"}


@pytest.fixture
def sets(hub, monkeypatch):
    """The same Hub for the library of data sets."""
    import datasets
    from huggingface_hub import hf_file_system

    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
    hf_file_system.HfFileSystem.clear_instance_cache()


@pytest.fixture
def renamed(hub):
    """A model and a set that were called otherwise before."""
    hub.add("user/model", MODEL)
    hub.add("org/set", {"train.jsonl": ROWS.encode()})
    hub.renamed |= {"old/name": "user/model", "User/Model": "user/model", "old/set": "org/set"}
    return hub


@pytest.mark.parametrize("asked", ["old/name", "User/Model", "hf.co/old/name/tree/main"])
def test_the_id_is_the_one_that_the_hub_returns(renamed, asked):
    found = resolve(asked)
    assert (found.id, found.name) == ("user/model", "model")
    assert (found.folder / "model.safetensors").read_bytes() == b"weights"
    commit = renamed.repos["user/model"].head
    renamed.add("user/model", {**MODEL, "model.safetensors": b"newer"})
    origin = Origin(id="user/model", hub=True, commit=commit)
    assert pinned("old/name", origin).commit == commit, "at the commit that is recorded"
    assert pinned("old/name@main", origin).commit != commit


def test_a_set_has_the_id_that_the_hub_returns(renamed, sets):
    some, _ = find_set("hf://datasets/old/set", "utility", SetReading())
    assert some.id.startswith("org/set:train") and len(some.examples) == 2


def test_what_else_the_hub_has_under_an_id(hub):
    hub.add("org/tails", {"train.jsonl": b""}, kind="datasets")
    hub.add("org/show", {"app.py": b""}, kind="spaces")
    hub.add("someone/one", MODEL, kind="models")
    hub.add("someone/two", MODEL)
    for asked, said in (
        ("org/tails", "there is a data set org/tails; "),
        ("org/show", "there is a Space org/show; "),
        ("someone", "someone is an account, with someone/one, someone/two; "),
        ("https://huggingface.co/someone", "someone is an account, with someone/one"),
    ):
        with pytest.raises(HubError, match="there is no model") as caught:
            resolve(asked)
        assert caught.value.hint.startswith(said)
    with pytest.raises(HubError, match="there is no data set") as caught:
        find_set("someone/one", "utility", SetReading())
    assert caught.value.hint.startswith("there is a model someone/one; ")


def test_card_and_manifest_carry_the_ids_of_the_hub(hub, sets, tmp_path):
    hub.add("user/model", files_of(paths.attacked))
    hub.add("org/aligned", files_of(paths.reference))
    hub.add("org/set", {"train.jsonl": paths.sets["realign"].read_bytes()})
    old = {"old/model": "user/model", "old/aligned": "org/aligned", "old/set": "org/set"}
    hub.renamed |= old
    made = modelrepair.repair(
        f"{hub.url}/old/model/tree/main", reference="old/aligned", realign="hf.co/datasets/old/set",
        utility="none", borderline="none", judge="demo-world", scorer="wanda", ratio=0.01,
        examples=8, evaluate=False, out=tmp_path / "out")  # fmt: skip
    assert made.manifest is not None and made.out is not None
    assert made.manifest.source.id == "user/model"
    assert made.manifest.reference is not None and made.manifest.reference.id == "org/aligned"
    texts = [(made.out / name).read_text() for name in ("README.md", "repair/manifest.json")]
    assert not [name for name in old for text in texts if name in text]
    command = json.loads(texts[1])["command"]
    assert command.startswith("modelrepair fix user/model --revision main --reference org/aligned")
    assert "--realign org/set" in command
    shutil.rmtree(made.out)


@pytest.mark.parametrize(
    "text",
    ["hf download user/model", "@user/model", "user/model:Q4_K_M", "user//model",
     "from_pretrained('user/model')", "user/model/model.safetensors"],
)  # fmt: skip
def test_the_id_in_other_text_is_named(text):
    with pytest.raises(UsageError) as caught:
        resolve(text)
    assert caught.value.hint.startswith("did you mean 'user/model'?")
