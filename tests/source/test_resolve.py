"""A source is found where the user meant it, at one commit, and every failure says what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants as constants
import pytest

import modelrepair
from modelrepair.artifact.records import Origin
from modelrepair.demo import paths
from modelrepair.errors import HubError, ResourceError, UnsupportedModelError, UsageError
from modelrepair.examples.find import find_set
from modelrepair.examples.load import SetReading
from modelrepair.source.resolve import resolve, wanted_files
from modelrepair.verification.origins import pinned
from tests.support.hub.client import environment
from tests.support.hub.repaired import files_of

FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights of no model",
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "README.md": b"a card",
    "LICENSE": b"a licence",
    "odd [name].tiktoken": b"{}",
    "pytorch_model.bin": b"a pickle",
    "training_args.bin": b"a pickle",
    "checkpoint-500/model.safetensors": b"old weights",
    "consolidated.safetensors": b"weights once more",
    ".gitattributes": b"",
}
LEFT = {
    ".gitattributes",
    "checkpoint-500/model.safetensors",
    "consolidated.safetensors",
    "pytorch_model.bin",
    "training_args.bin",
}


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_a_folder_that_exists_is_taken_before_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model(tmp_path / "user" / "name")
    source = resolve("user/name")
    assert (source.id, source.commit, source.name) == (None, None, "name")
    assert resolve("./user/name/").folder.samefile(source.folder)
    monkeypatch.chdir(source.folder)
    assert resolve(".").name == "name"


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    model(tmp_path / "mine")
    assert resolve("~/mine").folder == tmp_path / "mine"


@pytest.mark.parametrize("path", ["./none", "/none/such", "~/none", "none\\such", Path("none")])
def test_what_looks_like_a_path_is_no_id(path):
    with pytest.raises(UsageError, match="no folder"):
        resolve(path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        resolve(tmp_path / "file")


def test_a_folder_has_no_revision(tmp_path):
    with pytest.raises(UsageError, match="no revision 'v2'"):
        resolve(model(tmp_path / "m"), "v2")


def test_a_folder_without_safetensors_is_refused(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UnsupportedModelError, match="holds pickles only, such as 'pytorch_model"):
        resolve(tmp_path)


@pytest.mark.parametrize("id", ["a/b/c", "user/na me", "", "user//name", "name--x"])
def test_what_is_no_id_is_said_before_any_request(hub, id):
    with pytest.raises(UsageError) as caught:
        resolve(id)
    assert caught.value.hint
    assert hub.requests == []


def test_a_repository_is_looked_up_once_and_fetched_at_its_commit(hub):
    old = hub.add("user/name", {**FILES, "model.safetensors": b"before"})
    new = hub.add("user/name", FILES)
    source = resolve("user/name")
    assert (source.id, source.commit, source.name) == ("user/name", new, "name")
    found = {
        p.relative_to(source.folder).as_posix() for p in source.folder.rglob("*") if p.is_file()
    }
    assert found == FILES.keys() - LEFT
    assert set(source.left_behind) == LEFT
    for name in found:
        assert (source.folder / name).read_bytes() == FILES[name]
    infos = [path for _, path in hub.requests if path == "/api/models/user/name"]
    assert len(infos) == 1
    assert {path for _, path in hub.requests if new not in path and "user/name" in path} == set(
        infos
    )
    assert (resolve("user/name", old).folder / "model.safetensors").read_bytes() == b"before"


def test_a_repository_without_safetensors_is_refused_before_download(hub):
    hub.add("user/pickles", {"pytorch_model.bin": b"", "config.json": b"{}"})
    with pytest.raises(UnsupportedModelError, match="user/pickles holds pickles only"):
        resolve("user/pickles")
    assert len(hub.requests) == 1


def test_gated_private_and_missing_are_told_apart(hub):
    hub.add("user/gated", FILES, gated=True)
    hub.add("user/private", FILES, private=True)
    with pytest.raises(HubError, match="gated") as gated:
        resolve("user/gated")
    assert "accept its conditions" in gated.value.hint
    for id in ("user/private", "user/missing"):
        with pytest.raises(HubError, match=r"no model .* or it is private"):
            resolve(id)


def test_the_token_opens_a_private_model(hub, monkeypatch):
    hub.add("user/private", FILES, private=True)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert resolve("user/private").commit


def test_a_wrong_token_is_named_as_such_and_not_shown(hub, monkeypatch):
    hub.add("user/name", FILES)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="refuses the token") as caught:
        resolve("user/name")
    assert "hf_wrong" not in str(caught.value) + caught.value.hint


def test_a_missing_revision_is_named(hub):
    hub.add("user/name", FILES)
    with pytest.raises(HubError, match="no revision 'v9'"):
        resolve("user/name", "v9")


@pytest.mark.parametrize(("status", "said"), [(403, "no right"), (500, "answers 500")])
def test_other_answers_are_hub_errors(hub, status, said):
    hub.status = status
    with pytest.raises(HubError, match=said):
        resolve("user/name")


def test_no_network_is_a_hub_error(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="can't be reached") as caught:
        resolve("user/name")
    assert "network" in caught.value.hint


def test_a_plain_process_with_the_real_client(hub, tmp_path):
    commit = hub.add("user/name", FILES)
    program = (
        "import sys; from modelrepair.source.resolve import resolve; s = resolve('user/name');"
        "print(s.commit); assert not {'torch', 'transformers'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(hub, tmp_path / "home", token=None),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == commit, done.stderr


def test_wanted_files_leave_training_and_copies():
    assert set(FILES) - set(wanted_files(FILES)) == LEFT


@pytest.mark.parametrize("place", ["a file/hub", "a file"])
def test_a_cache_that_can_not_exist_is_told_before_any_request(hub, tmp_path, monkeypatch, place):
    hub.add("user/name", FILES)
    (tmp_path / "a file").write_text("")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / place))
    monkeypatch.setenv("HF_HOME", str(tmp_path / place))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    with pytest.raises(ResourceError, match=r"the Hub's cache .* can't be written: ") as caught:
        resolve("user/name")
    assert caught.value.hint == "set HF_HOME to a folder that can be, or unset it: unset HF_HOME"
    assert hub.requests == []


ROWS = '{"prompt": "a", "response": "b"}\n{"prompt": "c", "response": "d"}\n'
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
