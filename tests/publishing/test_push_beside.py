"""A push loses nothing of others: foreign files, an owner's text, and what comes in between."""

from __future__ import annotations

import json

import pytest

from modelrepair import push, verify
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.cli.main import run
from modelrepair.errors import HubError, UsageError
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.hub.state import LARGE, Hub, Repo

TARGET = "me/model-repaired"
FOREIGN = {"x-Q4_K_M.gguf": b"GGUF mine", "evals/mine.json": b"{}", "cat.png": b"a cat"}
HARMLESS = {name: FOREIGN[name] for name in ("evals/mine.json", "cat.png")}


def beside(hub: Hub, id: str, files: dict[str, bytes]) -> Repo:
    """Another user commits more files to a repository."""
    hub.add(id, {**hub.repos[id].files(), **files})
    return hub.repos[id]


def pushed_twice(hub, tmp_path, files: dict[str, bytes], **options):
    """A repair, what its owner puts beside it, and another repair of the same source."""
    push(on_the_hub(hub, tmp_path / "one", sharded=True).out)
    repo = beside(hub, TARGET, files)
    return repo, push(on_the_hub(hub, tmp_path / "two").out, **options)


def test_a_second_push_takes_away_what_the_first_wrote_and_nothing_else(hub, tmp_path):
    repo, report = pushed_twice(hub, tmp_path, FOREIGN)
    assert FOREIGN.items() <= repo.files().items()
    assert "model-00001-of-00002.safetensors" in report.deleted
    assert report.repair_of is not None
    kept = {each.file: each.verify is None for each in report.kept}
    assert kept == {"x-Q4_K_M.gguf": False, "evals/mine.json": True, "cat.png": True}
    document = json.loads(json.dumps(report.to_json()))
    assert document["kept"][-1]["file"] == "x-Q4_K_M.gguf"
    assert {finding.file for finding in verify(TARGET).findings} == {"x-Q4_K_M.gguf"}


def test_what_verify_is_said_to_say_it_says(hub, tmp_path):
    many = {**FOREIGN, "run.py": b"import os", "old/model.bin": b"x", "extra/config.json": b"{}",
            "repair/notes.txt": b"n", "chat_template.jinja": b"{{ x }}", "log.txt": b"l",
            "NOTICE.txt": b"n", "evals/run.pkl": b"x"}  # fmt: skip
    _, report = pushed_twice(hub, tmp_path, many)
    unverified = {each.file for each in report.kept if each.verify is not None}
    assert {each.file for each in report.kept} == many.keys()
    assert {finding.file for finding in verify(TARGET).findings} == unverified


def test_the_owner_s_text_and_keys_stay_and_verify_passes(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    push(made.out)
    card = hub.repos[TARGET].files()["README.md"].decode()
    mine = card.replace("tags:\n", "thumbnail: cat.png\ntags:\n- mine\n")
    mine = mine.replace("<!-- modelrepair:begin", "# Read this first\n\n<!-- modelrepair:begin")
    mine += "\n## How I use it\n\nGently.\n"
    repo = beside(hub, TARGET, {"README.md": mine.encode(), **HARMLESS})
    assert verify(TARGET).ok
    head = repo.head
    other = on_the_hub(hub, tmp_path / "other", store_values=True)
    push(other.out)
    assert repo.head != head
    held = repo.files()["README.md"].decode()
    for text in ("# Read this first", "## How I use it\n\nGently.", "thumbnail: cat.png", "- mine"):
        assert held.count(text) == 1, text
    assert verify(TARGET).ok
    assert b"Gently" not in (other.out / "README.md").read_bytes()
    assert push(other.out).nothing


def test_the_source_s_new_card_is_quoted_in_place_of_its_old_one(hub, tmp_path):
    push(on_the_hub(hub, tmp_path).out)
    repo = hub.repos[TARGET]
    beside(hub, TARGET, {"README.md": repo.files()["README.md"] + b"\nMy own words.\n"})
    newer = on_the_hub(hub, tmp_path / "n", files={"README.md": b"---\nlicense: mit\n---\n# New\n"})
    push(newer.out)
    held = repo.files()["README.md"].decode()
    assert "kittens" not in held and "# New" in held and "My own words." in held
    assert push(newer.out).nothing


def test_a_readme_that_was_there_first_stays_below_ours(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    readme = b"---\nlicense: other\nlanguage: fr\n---\n# To come\n\nSoon.\n"
    hub.add(TARGET, {".gitattributes": b"", "README.md": readme})
    push(made.out)
    held = hub.repos[TARGET].files()["README.md"].decode()
    assert held.rstrip().endswith("# To come\n\nSoon.") and "license: llama2" in held
    assert verify(TARGET).ok
    assert push(made.out).nothing


def test_a_readme_in_the_large_store_and_one_that_is_too_long(hub, tmp_path, monkeypatch):
    made = on_the_hub(hub, tmp_path)
    monkeypatch.setattr("tests.support.hub.state.LARGE", (*LARGE, "README.md"))
    hub.add(TARGET, {"README.md": b"Mine."})
    push(made.out)
    assert b"Mine." in hub.repos[TARGET].files()["README.md"]
    assert push(made.out).nothing
    monkeypatch.setattr("modelrepair.publishing.earlier.CARD_LIMIT", 100)
    with pytest.raises(UsageError, match=r"README\.md of .* has over 100 bytes"):
        push(made.out)


def test_the_folder_s_own_text_is_sent_where_the_owner_wrote_none(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    push(made.out)
    with (made.out / "README.md").open("a") as card:
        card.write("\nAdded here.\n")
    assert push(made.out).pushed == ("README.md",)
    assert b"Added here." in hub.repos[TARGET].files()["README.md"]


IN_THE_WAY = [
    ({"LICENSE": b"Mine."}, "LICENSE"),
    ({"config.json": b"{}", "model.safetensors": b"x"}, "config.json, model.safetensors"),
    ({"repair/verdicts.jsonl": b"{}"}, "repair/verdicts.jsonl"),
    ({"License": b"Mine."}, "License"),
    ({"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"}, "adapter_config.json"),
]


@pytest.mark.quick("files0-*", "files2-*")
@pytest.mark.parametrize(("files", "said"), IN_THE_WAY)
def test_a_strangers_file_under_our_name_stops_the_push(hub, tmp_path, capsys, files, said):
    made = on_the_hub(hub, tmp_path)
    hub.add(TARGET, {".gitattributes": b"", "README.md": b"", **files})
    head = hub.repos[TARGET].head
    assert run(["push", str(made.out), "--json"]) == 2
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert f"{TARGET} holds {said}" in error["message"]
    assert "--to" in error["hint"] and "--delete" in error["hint"]
    assert hub.repos[TARGET].head == head
    report = push(made.out, delete=list(files))
    assert push(made.out, delete=list(files)).nothing, "the same command again"
    assert files.items().isdisjoint(hub.repos[TARGET].files().items())
    assert verify(TARGET).ok and report.kept == ()


def test_the_same_bytes_under_our_name_do_not_block(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    hub.add(TARGET, {"LICENSE": (made.out / "LICENSE").read_bytes(), "README.md": b"Hi"})
    assert "LICENSE" not in push(made.out).pushed


def test_a_repair_of_another_model_is_not_replaced(hub, tmp_path):
    push(on_the_hub(hub, tmp_path / "one", id="org/model").out)
    other = on_the_hub(hub, tmp_path / "two", sharded=True)
    with pytest.raises(UsageError, match=f"{TARGET} holds a repair of org/model") as caught:
        push(other.out)
    assert '--delete "*"' in caught.value.hint
    push(other.out, delete="*")
    assert hub.repos[TARGET].files().keys() - {".gitattributes"} == files_of(other.out).keys()
    assert verify(TARGET).ok


def test_delete_takes_what_it_names_and_the_same_command_again_is_no_mistake(hub, tmp_path, capsys):
    made = on_the_hub(hub, tmp_path)
    push(made.out)
    repo = beside(hub, TARGET, FOREIGN)
    command = ["push", str(made.out), "--delete", "*.gguf", "--delete", "evals/*", "--json"]
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["deleted"] == ["evals/mine.json", "x-Q4_K_M.gguf"]
    assert repo.files().keys() & FOREIGN.keys() == {"cat.png"}
    assert "- x-Q4_K_M.gguf" in repo.commit().description
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["nothing_to_push"] is True


@pytest.mark.parametrize(
    ("glob", "said"),
    [
        ("*.onnx", r"--delete '\*\.onnx' matches no file of"),
        ("", "--delete '' matches no file of"),
        (".gitattributes", "matches no file of"),
    ],
)
def test_a_glob_that_takes_nothing_is_a_mistake(hub, tmp_path, glob, said):
    made = on_the_hub(hub, tmp_path)
    with pytest.raises(UsageError, match="matches no file of"):
        push(made.out, delete=[glob])
    push(made.out)
    head = beside(hub, TARGET, FOREIGN).head
    with pytest.raises(UsageError, match=said):
        push(made.out, delete=["cat.png", glob])
    assert hub.repos[TARGET].head == head


def test_delete_never_takes_a_file_of_the_repair(hub, tmp_path, capsys):
    made = on_the_hub(hub, tmp_path)
    push(made.out)
    head = hub.repos[TARGET].head
    assert run(["push", str(made.out), "--delete", "tokenizer.json"]) == 0
    assert "--delete names 1 of the repair's own files: they stay" in capsys.readouterr().err
    assert hub.repos[TARGET].head == head


def test_delete_everything_leaves_the_repair_whole(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    push(made.out)
    repo = beside(hub, TARGET, FOREIGN)
    push(made.out, delete=["*"])
    assert repo.files().keys() == {*files_of(made.out), ".gitattributes"}
    assert verify(TARGET).ok


def lying(repo: Repo, claims: dict[str, str]) -> bytes:
    document = json.loads(repo.files()[MANIFEST_NAME])
    document["files"] |= claims
    return json.dumps(document).encode()


def test_a_manifest_that_lies_takes_no_foreign_file_away(hub, tmp_path):
    push(on_the_hub(hub, tmp_path / "one").out)
    repo = beside(hub, TARGET, FOREIGN)
    path = tmp_path / "x"
    claims = {}
    for name, data in FOREIGN.items():
        path.write_bytes(data)
        # Names that no repair writes with their right digests, and others' with wrong ones.
        claims[name] = sha256_file(path) if name.endswith("gguf") else "0" * 64
    beside(hub, TARGET, {MANIFEST_NAME: lying(repo, claims), "tokenizer.json": b'{"mine": 1}'})
    other = on_the_hub(hub, tmp_path / "two", store_values=True)
    with pytest.raises(UsageError, match=r"holds tokenizer\.json, which no repair"):
        push(other.out)
    push(other.out, delete=["tokenizer.json"])
    assert FOREIGN.items() <= repo.files().items()


@pytest.mark.parametrize("manifest", [b"no json", b"{}", b'{"schema_version": 1, "files": {}}'])
def test_a_broken_manifest_makes_no_file_ours(hub, tmp_path, manifest):
    made = on_the_hub(hub, tmp_path)
    push(made.out)
    repo = beside(hub, TARGET, {MANIFEST_NAME: manifest, "old.safetensors": b"x"})
    head = repo.head
    with pytest.raises(UsageError, match=f"{TARGET} holds old.safetensors, {MANIFEST_NAME}"):
        push(made.out)
    assert repo.head == head


def test_a_branch_is_looked_at_and_main_is_left_alone(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    hub.add(TARGET, {"README.md": b"Main.", "LICENSE": b"Mine."})
    with pytest.raises(UsageError, match="holds LICENSE"):
        push(made.out, to_revision="v2")
    assert "v2" not in hub.repos[TARGET].refs
    report = push(made.out, to_revision="v2", delete=["LICENSE"])
    assert report.revision == "v2"
    assert hub.repos[TARGET].files() == {"README.md": b"Main.", "LICENSE": b"Mine."}
    push(made.out, to_revision="v3", to="me/elsewhere")
    assert push(made.out, to_revision="v2").nothing


def test_in_place_what_others_added_meanwhile_stays(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, id="me/model")
    repo = beside(hub, "me/model", FOREIGN)
    report = push(made.out, in_place=True)
    assert "pytorch_model.bin" in report.deleted
    assert FOREIGN.items() <= repo.files().items()
    assert {finding.file for finding in verify("me/model").findings} == {"x-Q4_K_M.gguf"}
    push(made.out, in_place=True, delete=["*.gguf"])
    assert verify("me/model").ok
    beside(hub, "me/model", {"model.gguf": b"GGUF later"})
    assert push(made.out, pr=True).nothing


def test_in_place_a_strangers_record_stops_it_before_the_commit(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, id="me/model")
    beside(hub, "me/model", {"repair/mask.safetensors": b"whose"})
    for way in ({"in_place": True}, {"pr": True}):
        with pytest.raises(UsageError, match=r"holds repair/mask\.safetensors") as caught:
            push(made.out, **way)
        assert "of your own with --to" in caught.value.hint
    push(made.out, in_place=True, delete=["repair/*"])
    assert verify("me/model").ok


def test_in_place_the_owner_s_keys_stay_and_the_repair_verifies(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, id="me/model")
    push(made.out, in_place=True)
    card = hub.repos["me/model"].files()["README.md"].decode()
    assert "new_version: user/newer" in card and "- their-tag" in card
    assert card.count("name: theirs") == 0, "no score of the source's as the repair's own"
    assert verify("me/model").ok


def test_what_comes_while_a_push_runs_is_not_lost(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    push(made.out)
    other = on_the_hub(hub, tmp_path / "other", store_values=True)
    fault = hub.fail("POST", "/preupload/", act=lambda hub: beside(hub, TARGET, FOREIGN), times=1)
    with pytest.raises(HubError, match="got another commit in the meantime"):
        push(other.out)
    assert fault.seen and FOREIGN.items() <= hub.repos[TARGET].files().items()
    push(other.out)
    assert FOREIGN.items() <= hub.repos[TARGET].files().items()


def test_what_lies_there_is_said_before_anything_is_sent(hub, tmp_path, capsys):
    made = on_the_hub(hub, tmp_path)
    push(made.out)
    beside(hub, TARGET, FOREIGN)
    other = on_the_hub(hub, tmp_path / "other", store_values=True)
    hub.fail("POST", "/commit/", 500)
    capsys.readouterr()
    assert run(["push", str(other.out)]) == 3
    said = capsys.readouterr().err
    assert "replaces the repair of 20" in said and f"in {TARGET}" in said
    assert "'x-Q4_K_M.gguf': verify will fail: it may be loaded in place of" in said
    assert "'evals/mine.json': verify notes it" in said
