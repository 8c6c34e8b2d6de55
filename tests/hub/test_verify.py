"""What `verify` says of repositories: by id, beside other files, and of what it can't reach."""

from __future__ import annotations

import json

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, snapshot_download

from modelrepair import InconclusiveError, UsageError, apply, push, verify
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.cli.main import run
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.small_repairs import make_checkpoint, make_repair


def add(id: str, files: dict[str, bytes]) -> None:
    operations = [CommitOperationAdd(name, data) for name, data in files.items()]
    HfApi().create_commit(id, operations, commit_message="more")


def found(verification) -> set[str]:
    return {finding.file for finding in verification.findings}


def test_by_its_id_alone_and_what_json_tells(hub, tmp_path, capsys):
    made = on_the_hub(hub, tmp_path, subject="delta")
    target = push(made.out, force=True).target
    capsys.readouterr()
    code = run(["verify", target, "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (code, document["result"]) == (0, "verified"), document
    assert document["repository"] == target
    assert document["commit"] == hub.repos[target].head
    assert document["source"] == {"id": "user/model", "commit": made.manifest.source.commit}
    assert (document["edit"], document["subject"], document["verdict"]) == (
        "mask", "delta", "passed",
    )  # fmt: skip
    assert run(["verify", target]) == 0
    said = capsys.readouterr().out.splitlines()[-2]
    assert said.startswith("verified: 10.4 % of entries masked (delta), nothing else differs; gate")


def test_what_was_included_is_fetched_and_verified(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, files={"notes.csv": b"1,2"}, include=("*.csv",))
    assert "notes.csv" in made.manifest.files
    target = push(made.out).target
    assert hub.repos[target].files()["notes.csv"] == b"1,2"
    assert verify(target).ok
    rebuilt = apply(made.out, "user/model", out=tmp_path / "rebuilt")
    assert (rebuilt / "notes.csv").read_bytes() == b"1,2"
    add(target, {"notes.csv": b"3,4"})
    assert found(verify(target)) == {"notes.csv"}


def test_no_manifest_includes_for_ever(tmp_path):
    made = make_repair(tmp_path)
    settings = {"include": ["*a" * 400] * 10**5 + ["*" * 10**6, 7]}
    many = made.manifest.model_copy(update={"settings": settings})
    assert len(many.include) == 100


OTHERS = {
    "pytorch_model.bin", "gguf/model.gguf", "onnx/model.onnx", "tf_model.h5", "x.msgpack",
    "extra.safetensors", "deep/er/state.pkl", "handler.py", "tokenizer.model.v3",
    "preprocessor_config.json", "chat_template.jinja", "model.ckpt",
}  # fmt: skip


def test_whatever_a_loader_reads_beside_a_repair_is_found(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    target = push(made.out).target
    add(target, dict.fromkeys(OTHERS, b"anything") | {"cat.png": b"a cat", "run.log": b"log"})
    verification = verify(target)
    assert found(verification) == OTHERS
    assert "'cat.png', 'run.log'" in verification.notes[0]
    folder = snapshot_download(target, local_dir=tmp_path / "repaired")
    assert found(verify(folder)) == OTHERS


def in_place(hub, folder):
    """A repair in a source's own repository that held everything that people leave there."""
    hub.add("me/model", files_of(make_checkpoint(folder / "first")))
    left = {
        "pytorch_model.bin": b"\x80\x02old", "gguf/m.gguf": b"GGUF", "a/b/c.pickle": b"\x80\x02",
        "pytorch_model.bin.index.json": b"{}", "notes.csv": b"1", "modeling_mine.py": b"import os",
        "cat.bmp": b"cat", "trainer_state.json": b"{}",
    }  # fmt: skip
    files = {**files_of(folder / "first"), **left}
    commit = hub.add("me/model", files)
    from modelrepair.artifact.records import Origin

    return make_repair(folder, source=Origin(id="me/model", hub=True, commit=commit)), commit


def test_in_place_the_card_s_own_commands_pass_beside_harmless_files(hub, tmp_path):
    made, commit = in_place(hub, tmp_path)
    report = push(made.out, in_place=True)
    gone = {"pytorch_model.bin", "gguf/m.gguf", "a/b/c.pickle", "pytorch_model.bin.index.json"}
    assert {*report.deleted} == {*gone, "training_args.bin"}
    assert verify("me/model").ok
    repaired = snapshot_download("me/model", local_dir=tmp_path / "repaired")
    source = snapshot_download("me/model", revision=commit, local_dir=tmp_path / "was")
    for verification in (verify(repaired, source=source), verify(repaired)):
        assert verification.findings == () and verification.ok
        assert "'notes.csv'" in verification.notes[0]
    add("me/model", {"modeling_mine.py": b"import os; os.system('boo')"})
    assert found(verify("me/model")) == {"modeling_mine.py"}


def test_other_weights_that_are_kept_are_warned_of_and_found(hub, tmp_path, capsys):
    made, _ = in_place(hub, tmp_path)
    report = push(made.out, in_place=True, keep_other_weights=True)
    assert report.deleted == ()
    held = hub.repos["me/model"].files()
    assert b"with the weights as they were before the repair" in held["README.md"]
    verification = verify("me/model")
    assert found(verification) == {
        "pytorch_model.bin", "gguf/m.gguf", "a/b/c.pickle", "pytorch_model.bin.index.json",
        "training_args.bin",
    }  # fmt: skip
    push(made.out, in_place=True)
    assert verify("me/model").ok
    with pytest.raises(UsageError, match="--keep-other-weights without"):
        push(made.out, keep_other_weights=True)


def test_a_repository_that_a_later_version_filled_is_left_alone(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    target = push(made.out).target
    document = json.loads((made.out / MANIFEST_NAME).read_text())
    newer = json.dumps({**document, "schema_version": 2, "needs": "3.1"}).encode()
    add(target, {MANIFEST_NAME: newer})
    with pytest.raises(InconclusiveError, match=r"schema_version 2: needs modelrepair ≥ 3\.1"):
        push(made.out)
    assert hub.repos[target].files()[MANIFEST_NAME] == newer
    (made.out / MANIFEST_NAME).write_bytes(newer)
    with pytest.raises(InconclusiveError):
        push(made.out, to="me/elsewhere")


def test_a_repository_with_a_damaged_manifest_holds_another_model(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    target = push(made.out).target
    add(target, {MANIFEST_NAME: b'{"a": 1, "a": 2}'})
    with pytest.raises(UsageError, match=r"holds repair/manifest\.json, which no repair of"):
        push(made.out)
    verification = verify(target)
    assert [each.id for each in verification.findings] == ["MR-VER-001"]
    assert (verification.exit_code, verification.about.repository) == (1, target)
