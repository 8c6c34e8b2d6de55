"""``attest``: the same repair gives the same bytes, beside the folder, and nothing is replaced."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from modelrepair import DamagedCheckpointError, GateError, InconclusiveError, UsageError, verify
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.records import Run
from modelrepair.artifact.signing import signature_beside
from modelrepair.publishing.attest import attest_folder
from tests.support.signing_keys import write_keys
from tests.support.small_repairs import SITES, make_repair, write_entry


@pytest.fixture
def made(tmp_path):
    return make_repair(tmp_path)


def in_the_manifest(made, change) -> None:
    path = made.out / MANIFEST_NAME
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_the_statement_lies_beside_the_folder_and_the_folder_stays_as_it_is(made):
    before = {each: each.read_bytes() for each in made.out.rglob("*") if each.is_file()}
    attested = attest_folder(made.out)
    assert attested.out == made.out.resolve().with_name("out.intoto.json")
    assert (attested.signature, attested.nothing_to_do) == (None, False)
    assert json.loads(attested.out.read_text()) == attested.statement
    after = {each: each.read_bytes() for each in made.out.rglob("*") if each.is_file()}
    assert before == after
    assert verify(made.out, source=made.source).ok


def test_the_same_repair_gives_the_same_bytes(made, tmp_path):
    first = attest_folder(made.out).out.read_bytes()
    again = attest_folder(made.out)
    assert (again.nothing_to_do, again.out.read_bytes()) == (True, first)
    shutil.copytree(made.out, tmp_path / "elsewhere" / "copy")
    assert attest_folder(tmp_path / "elsewhere" / "copy").out.read_bytes() == first
    document = json.loads((made.out / MANIFEST_NAME).read_text())
    keys = sorted(document, reverse=True)
    shuffled = {key: document[key] for key in keys}
    (made.out / MANIFEST_NAME).write_text(json.dumps(shuffled, indent=2))
    other = attest_folder(made.out, tmp_path / "shuffled.json").out.read_bytes()
    assert without_manifest(other) == without_manifest(first)


def without_manifest(statement: bytes) -> bytes:
    """All of it but the digest of the manifest's file."""
    manifest = rb'"sha256": "[0-9a-f]{64}"(?=\s*},\s*"name": "repair/manifest.json")'
    less, count = re.subn(manifest, b"", statement)
    assert count == 1
    return less


def test_two_runs_of_one_repair_differ_in_the_manifest_s_file_alone(tmp_path):
    times = [Run(time=f"2026-01-0{day}T00:00:00Z", duration=day) for day in (1, 2)]
    one, two = (
        attest_folder(make_repair(tmp_path / run.time[:10], run=run).out).out.read_bytes()
        for run in times
    )
    assert one != two and without_manifest(one) == without_manifest(two)
    assert b"2026-01" not in one


def test_the_time_is_said_where_it_is_asked_for(made):
    attested = attest_folder(made.out, time=True)
    assert re.fullmatch(
        r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", attested.statement["predicate"]["time"]
    )
    assert verify(made.out, source=made.source, attestation=attested.out).ok


def test_no_place_of_this_machine_is_in_it(tmp_path):
    made = make_repair(tmp_path, command="modelrepair fix user/model --realign harmful.jsonl")
    text = attest_folder(made.out).out.read_text()
    assert "/home" not in text and str(tmp_path) not in text


def test_files_that_are_not_the_manifest_s_are_not_attested(made):
    write_entry(made.out, SITES[0], 0, 7)
    with pytest.raises(GateError, match=r"not attested: 'model\.safetensors' is not the file"):
        attest_folder(made.out)
    (made.out / "model.safetensors").unlink()
    with pytest.raises(GateError, match=r"not attested: 'model\.safetensors' is missing"):
        attest_folder(made.out)


def test_what_others_put_beside_it_is_no_part_of_it(made):
    first = attest_folder(made.out).statement
    (made.out / "notes.txt").write_text("mine")
    assert attest_folder(made.out).statement == first


def test_a_path_or_secret_that_was_put_into_the_manifest_does_not_get_out(made):
    in_the_manifest(made, lambda it: it["scorer"]["options"].update(model="/home/me/guard"))
    with pytest.raises(DamagedCheckpointError, match="a local path or a secret"):
        attest_folder(made.out)


def test_folders_that_are_no_repair(made, tmp_path):
    with pytest.raises(UsageError, match="no folder 'ouz'") as caught:
        attest_folder(tmp_path / "ouz")
    assert "did you mean" in caught.value.hint
    with pytest.raises(DamagedCheckpointError, match="no manifest"):
        attest_folder(made.source)
    in_the_manifest(made, lambda it: it.update(added_later=1))
    with pytest.raises(InconclusiveError, match="does not know"):
        attest_folder(made.out)
    (made.out / MANIFEST_NAME).write_text("{")
    with pytest.raises(DamagedCheckpointError, match="unreliable JSON"):
        attest_folder(made.out)


def test_places_that_are_refused(made, tmp_path):
    for out in (made.out / "a.json", made.out / "repair" / "attestation.json"):
        with pytest.raises(UsageError, match="would lie in the repaired model"):
            attest_folder(made.out, out)
    for out in (tmp_path, tmp_path / "nowhere" / "a.json"):
        with pytest.raises(UsageError, match="can't be written"):
            attest_folder(made.out, out)
    theirs = tmp_path / "package.json"
    theirs.write_text('{"name": "mine"}')
    with pytest.raises(UsageError, match="in the way and no statement"):
        attest_folder(made.out, theirs)
    assert theirs.read_text() == '{"name": "mine"}'


def test_an_older_statement_is_replaced_and_its_signature_is_not_left_behind(made):
    private, public = write_keys(made.out.parent)
    first = attest_folder(made.out, sign_key=private)
    assert first.signature == signature_beside(first.out)
    again = attest_folder(made.out)
    assert (again.signature, again.nothing_to_do) == (first.signature, True)
    signed, statement = first.signature.read_bytes(), first.out.read_bytes()
    with pytest.raises(UsageError, match="the signature of another statement"):
        attest_folder(made.out, time=True)
    assert (first.signature.read_bytes(), first.out.read_bytes()) == (signed, statement)
    timed = attest_folder(made.out, time=True, sign_key=private)
    assert verify(made.out, source=made.source, attestation=timed.out, public_key=public).ok


def test_a_key_that_can_t_sign_leaves_nothing_behind(made, tmp_path):
    _, public = write_keys(tmp_path)
    with pytest.raises(UsageError, match="no private key"):
        attest_folder(made.out, sign_key=public)
    assert not made.out.with_name("out.intoto.json").exists()
