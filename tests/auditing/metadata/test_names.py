"""Names and links that leave, collide, mislead or hide."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.auditing.context import Context
from modelrepair.auditing.metadata.names import CHECKS, misleading
from modelrepair.auditing.opened import FileFacts, HubFacts, Opened
from modelrepair.source.resolve import Source
from tests.support.auditing import ask, model, write

LEAVING, COLLIDING, LOOK_ALIKE, CREDENTIALS, HIDDEN = CHECKS
PLAIN = ("config.json", "model.safetensors", "README.md", ".gitattributes", "tokenizer.json")


def of_names(tmp_path, *names, check):
    source = Source("a/b", "c", tmp_path, "b")
    target = Opened("a/b", source, dict.fromkeys(names, FileFacts(1)), HubFacts(False, False))
    return check[1](Context(target, 0))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check[0].name)
def test_a_plain_model_is_clear(tmp_path, check):
    assert ask(check, write(tmp_path / "m", model())).outcome == "clear"
    assert of_names(tmp_path, *PLAIN, check=check).outcome == "clear"


def test_a_link_that_leaves_the_folder_is_found(tmp_path):
    folder = write(tmp_path / "m", model())
    (tmp_path / "secret").write_text("x")
    (folder / "notes.txt").symlink_to("../secret")
    (folder / "same.txt").symlink_to("config.json")
    found = ask(LEAVING, folder)
    assert (found.outcome, found.files) == ("found", ("notes.txt",))
    assert "leaves the model's folder" in found.evidence["why"]["notes.txt"]


@pytest.mark.parametrize("name", ["../up.json", "a/../../b", "/etc/passwd", "c:\\x", "~/x"])
def test_a_name_that_leaves_the_folder_is_found(tmp_path, name):
    assert of_names(tmp_path, *PLAIN, name, check=LEAVING).outcome == "found"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("config.json", "Config.JSON"),
        ("Data/a.txt", "data/b.txt"),
        (unicodedata.normalize("NFC", "é.md"), unicodedata.normalize("NFD", "é.md")),
        ("a", "A/b"),
    ],
)
def test_names_that_a_disk_takes_for_one_are_found(tmp_path, one, two):
    assert of_names(tmp_path, one, two, check=COLLIDING).outcome == "found"
    assert of_names(tmp_path, one, check=COLLIDING).outcome == "clear"


@given(st.lists(st.sampled_from([*PLAIN, "Config.json", "a/b", "A/b", "сonfig.json", ".env"])),
       st.randoms())  # fmt: skip
def test_the_order_of_files_changes_nothing(tmp_path_factory, names, random):
    folder = tmp_path_factory.getbasetemp()
    mixed = list(dict.fromkeys(names))
    random.shuffle(mixed)
    for check in CHECKS:
        one = of_names(folder, *dict.fromkeys(names), check=check)
        two = of_names(folder, *mixed, check=check)
        assert replace(one, files=()) == replace(two, files=())
        assert sorted(one.files) == sorted(two.files)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("\u0441onfig.json", "reads as 'config.json'"),
        ("t\u043ekenizer.json", "reads as 'tokenizer.json'"),
        ("model\u2024safetensors", "reads as 'model.safetensors'"),
        ("a\u202etxt.bin", "not shown"),
        ("a\u200b.json", "not shown"),
        ("a\nb.json", "not shown"),
        ("ｃonfig.json", "reads as 'config.json'"),
    ],
)
def test_a_name_that_misleads_is_found(tmp_path, name, says):
    found = of_names(tmp_path, name, check=LOOK_ALIKE)
    assert found.outcome == "found" and says in found.message
    assert found.message.isascii(), "the message itself misleads no one"


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), min_size=1))
def test_a_plain_name_never_misleads(name):
    assert misleading(name) is None


@pytest.mark.parametrize("name", ["модель.md", "模型.json", "Größe.txt", "ملف.txt", "μ-σ.txt"])
def test_words_of_other_scripts_do_not_mislead(name):
    assert misleading(name) is None


@pytest.mark.parametrize("name", ["id_rsa", ".env", "hf_token.txt", ".netrc", "a/key.pem"])
def test_a_file_of_keys_is_found_by_its_name(tmp_path, name):
    assert of_names(tmp_path, *PLAIN, name, check=CREDENTIALS).files == (name,)


@pytest.mark.parametrize("name", [".env", ".cache/x.py", "a/.hidden"])
def test_a_hidden_file_is_found(tmp_path, name):
    assert of_names(tmp_path, *PLAIN, name, check=HIDDEN).files == (name,)
