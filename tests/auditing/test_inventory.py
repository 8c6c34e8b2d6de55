"""The inventory of a model: digests of a folder's files, the Hub's own, and what can't be read."""

from __future__ import annotations

import hashlib
import json

from modelrepair.auditing.inventory import Inventory, ListedFile, stated, take_inventory
from modelrepair.auditing.opened import opened
from modelrepair.evaluation.measures import Measure, Measures
from tests.support.auditing import card, model, write
from tests.support.small_repairs import make_repair


def test_a_folder_s_files_have_their_digests(tmp_path):
    files = model(**{"README.md": card(license="apache-2.0")})
    with opened(write(tmp_path / "m", files)) as found:
        inventory = take_inventory(found)
    assert {each.name: each.sha256 for each in inventory.files} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }
    assert {each.name: each.size for each in inventory.files} == {
        name: len(data) for name, data in files.items()
    }
    assert (inventory.architecture, inventory.family) == ("LlamaForCausalLM", "llama")
    assert inventory.licences == ("apache-2.0",)
    assert inventory.gaps == ()


def test_files_on_the_hub_are_listed_and_not_read(hub):
    files = model()
    hub.add("user/model", files)
    with opened("user/model") as found:
        inventory = take_inventory(found)
        assert found.fetched < len(files["model.safetensors"])
    listed = {each.name: each for each in inventory.files}
    assert set(listed) >= set(files)
    assert all(each.sha256 or each.git_blob for each in listed.values())


def test_what_can_t_be_read_is_a_gap(tmp_path):
    files = model(**{"config.json": b"[", "repair/manifest.json": b"{}"})
    folder = write(tmp_path / "m", files)
    (folder / "link").symlink_to("/etc/passwd")
    with opened(folder) as found:
        inventory = take_inventory(found)
    assert len(inventory.gaps) == 3
    assert inventory.measures == ()
    assert next(each for each in inventory.files if each.name == "link").sha256 is None


def test_a_repair_s_measures_are_those_of_its_manifest(tmp_path):
    folder = make_repair(tmp_path).out
    with opened(folder) as found:
        inventory = take_inventory(found)
    manifest = json.loads((folder / "repair" / "manifest.json").read_text())
    after = manifest["measures"]["after"]
    assert inventory.measures
    for each in inventory.measures:
        assert (each.value, each.n) == (after[each.name]["value"], after[each.name]["n"])
        assert each.stated_by == "repair/manifest.json"


def test_the_document_holds_all_of_it():
    inventory = Inventory(
        "A",
        None,
        ("mit",),
        (ListedFile("a", 1, "0" * 64), ListedFile("b", 2, None, "c")),
        tuple(stated(Measures("keyword", harmful_score=Measure(0.5, 2, 0.1, None)), "x")),
        ("gap",),
    )
    assert Inventory.from_json(json.loads(json.dumps(inventory.to_json()))) == inventory
