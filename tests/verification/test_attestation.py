"""Verify with an attestation: each forgery of it is found, and it never stands for the proof."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair import InconclusiveError, UsageError, attest, verify
from modelrepair.artifact.attestation import PREDICATE_URN
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.signing import signature_beside
from modelrepair.verification.attestation import check_attestation, read_attestation
from tests.kept.make import KEPT, REPAIRS, models_of
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.signing_keys import write_keys
from tests.support.small_repairs import COMMIT, SITES, make_repair, write_entry


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A repair with a reference, and the file of its statement."""
    folder = tmp_path_factory.mktemp("attested")
    made = make_repair(folder, subject="delta")
    return made, attest(made.out).out


@pytest.fixture
def statement(original):
    return json.loads(original[1].read_text())


def verified(original, statement, folder: Path, **more):
    made, _ = original
    file = folder / "given.intoto.json"
    file.write_text(statement if isinstance(statement, str) else json.dumps(statement))
    return verify(made.out, source=made.source, reference=made.reference, attestation=file, **more)


def test_the_statement_of_a_repair_holds(original, statement, tmp_path):
    found = verified(original, statement, tmp_path)
    assert (found.ok, found.checked["masked"] > 0) == (True, True)
    assert found.notes == ("the attestation given.intoto.json says what this manifest says",)


@pytest.mark.parametrize("name", [name for name in KEPT if name != "merged"])
def test_repairs_of_every_kind_hold(name, tmp_path):
    attested = attest(REPAIRS / name, out=tmp_path / "a.json")
    found = verify(REPAIRS / name, **models_of(name), attestation=attested.out)
    assert found.ok and found.notes, found


def paths(value, at=()):
    """The place of every leaf of a JSON value."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from paths(item, (*at, key))
    else:
        yield at


@settings(max_examples=40)
@given(st.data())
def test_no_leaf_of_a_statement_can_be_changed(original, data):
    made, file = original
    statement = json.loads(file.read_text())
    place = data.draw(st.sampled_from(list(paths(statement))))
    *above, last = place
    holder = statement
    for key in above:
        holder = holder[key]
    old = holder[last]
    new = data.draw(st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9)))
    if new == old and isinstance(new, bool) == isinstance(old, bool):
        return
    holder[last] = new
    forged = file.with_name("forged.intoto.json")
    forged.write_text(json.dumps(statement))
    found, notes = check_attestation(read_attestation(forged), made.out)
    assert found and not notes, place
    assert all("\n" not in each.line for each in found)


def in_predicate(change):
    return lambda statement: change(statement["predicate"])


FORGERIES = {
    "another digest of the weights": lambda it: it["subject"][0]["digest"].update(sha256="0" * 64),
    "no weights": lambda it: it["subject"].pop(0),
    "no manifest": lambda it: it["subject"].pop(),
    "another file": lambda it: it["subject"].append(
        {"name": "x.safetensors", "digest": {"sha256": "0" * 64}}
    ),
    "a file twice": lambda it: it["subject"].append(deepcopy(it["subject"][0])),
    "a second digest": lambda it: it["subject"][0]["digest"].update(sha1="0" * 40),
    "no list of files": lambda it: it.update(subject={"name": "model.safetensors"}),
    "another source": in_predicate(lambda it: it["models"]["source"].update(id="user/other")),
    "another commit": in_predicate(lambda it: it["models"]["source"].update(commit="f" * 40)),
    "another reference": in_predicate(lambda it: it["models"].update(reference=None)),
    "another scorer": in_predicate(lambda it: it["method"]["scorer"].update(version="9")),
    "another ratio": in_predicate(lambda it: it["parameters"].update(ratio=0.2)),
    "another unit": in_predicate(lambda it: it["parameters"].update(unit="row")),
    "no unit": in_predicate(lambda it: it["parameters"].pop("unit")),
    "another setting": in_predicate(lambda it: it["parameters"]["settings"].update(examples=9)),
    "another mask": in_predicate(lambda it: it["mask"].update(sha256="0" * 64)),
    "another result": in_predicate(lambda it: it["result"].update(manifest="0" * 64)),
    "a better figure": in_predicate(
        lambda it: it["measures"]["after"]["harmful_score"].update(value=0.0)
    ),
    "a narrower interval": in_predicate(
        lambda it: it["measures"]["after"]["utility"].update(low=0.8999)
    ),
    "another verdict": in_predicate(lambda it: it.update(verdict="failed")),
    "a claim of its own": in_predicate(lambda it: it.update(safe=True)),
    "a claim beside": lambda it: it.update(safe=True),
    "a time that is none": in_predicate(lambda it: it.update(time="yesterday")),
    "a truth for a number": in_predicate(lambda it: it.update(rules=True)),
    "less than all": in_predicate(lambda it: it.pop("measures")),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_statement_is_found(original, statement, tmp_path, name):
    FORGERIES[name](statement)
    found = verified(original, statement, tmp_path)
    assert found.exit_code == 1
    assert {each.id for each in found.findings} == {"MR-VER-023"}, found
    assert found.notes == ()


NOT_ONE = {
    "rubbish": "rubbish",
    "a list": "[]",
    "nothing": "",
    "a key twice": '{"_type": 1, "_type": 2}',
    "no statement": "{}",
    "another version of in-toto": '{"_type": "https://in-toto.io/Statement/v0.1"}',
    "of something else": json.dumps(
        {"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/x",
         "predicate": {}, "subject": []}
    ),
    "without a predicate": json.dumps(
        {"_type": "https://in-toto.io/Statement/v1", "predicateType": PREDICATE_URN}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_ONE)
def test_what_is_no_statement_is_found_and_the_repair_checked_all_the_same(
    original, tmp_path, name
):
    found = verified(original, NOT_ONE[name], tmp_path)
    assert [each.id for each in found.findings] == ["MR-VER-022"]
    assert found.checked["masked"] > 0


@pytest.mark.parametrize(
    "later",
    [
        lambda it: it.update(predicateType="https://example.org/attestation/repair/v2"),
        lambda it: it["predicate"].update(version=2, more="of it"),
    ],
)
def test_a_predicate_of_a_later_version_is_inconclusive(original, statement, tmp_path, later):
    later(statement)
    found = verified(original, statement, tmp_path)
    assert found.exit_code == InconclusiveError.exit_code
    assert [each.id for each in found.inconclusive] == ["MR-VER-105"]


def test_a_statement_made_under_another_address_holds(original, statement, tmp_path):
    statement["predicateType"] = "https://example.org/moved/attestation/repair/v1"
    assert verified(original, statement, tmp_path).ok


def test_a_statement_of_another_repair_is_found(original, tmp_path):
    other = make_repair(tmp_path, subject="weight", scale=0.5)
    made, _ = original
    found = verify(
        made.out, source=made.source, reference=made.reference, attestation=attest(other.out).out
    )
    assert {each.id for each in found.findings} == {"MR-VER-023"}


def test_a_true_statement_does_not_stand_for_the_proof(tmp_path):
    made = make_repair(tmp_path)
    file = attest(made.out).out
    name = SITES[0]
    position = next(each for each in range(48) if each not in set(made.masks[name].tolist()))
    write_entry(made.out, name, position, 7)
    found = verify(made.out, source=made.source, attestation=file)
    assert "MR-VER-013" in {each.id for each in found.findings}


def test_a_manifest_with_other_line_ends_is_named_as_that(original, statement, tmp_path):
    made, _ = original
    shutil.copytree(made.out, tmp_path / "out")
    path = tmp_path / "out" / MANIFEST_NAME
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    file = tmp_path / "given.json"
    file.write_text(json.dumps(statement))
    found = verify(tmp_path / "out", source=made.source, reference=made.reference, attestation=file)
    assert [(each.code, each.file) for each in found.findings] == [("line-ends", MANIFEST_NAME)]


def test_of_a_later_manifest_the_digests_are_compared(original, tmp_path):
    made, _ = original
    shutil.copytree(made.out, tmp_path / "out")
    path = tmp_path / "out" / MANIFEST_NAME
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "schema_version": 2}))
    statement = json.loads(original[1].read_text())
    file = tmp_path / "given.json"
    file.write_text(json.dumps(statement))
    given = read_attestation(file)
    found, _ = check_attestation(given, tmp_path / "out")
    assert [each.id for each in found] == ["MR-VER-023"]
    assert MANIFEST_NAME in found[0].message


def test_a_signature_says_who(original, tmp_path):
    private, public = write_keys(tmp_path)
    _, other = write_keys(tmp_path, "other")
    made, _ = original
    signed = attest(made.out, out=tmp_path / "signed.intoto.json", sign_key=private)
    models = {"source": made.source, "reference": made.reference, "attestation": signed.out}
    (said,) = verify(made.out, **models, public_key=public).notes
    assert said.endswith("what this manifest says, and is signed by the key key.public.pem")
    (unasked,) = verify(made.out, **models).notes
    assert unasked.endswith("was not checked: no --public-key (signed.intoto.json.sig)")
    wrong = verify(made.out, **models, public_key=other)
    assert [each.line for each in wrong.findings] == [
        "MR-VER-024 signature: signed.intoto.json.sig: is not by the key other.public.pem"
    ]
    # The same statement, written in another way: true, and not what was signed.
    signed.out.write_text(json.dumps(signed.statement))
    assert verify(made.out, **models).ok
    changed = verify(made.out, **models, public_key=public)
    assert [each.id for each in changed.findings] == ["MR-VER-024"]
    signature_beside(signed.out).unlink()
    missing = verify(made.out, **models, public_key=public)
    assert [each.message for each in missing.findings] == ["is not beside the attestation"]


def test_what_can_t_be_asked_ends_before_anything_is_compared(original, tmp_path):
    made, file = original
    with pytest.raises(UsageError, match="no attestation that it could have signed"):
        verify(made.out, source=made.source, public_key=file)
    with pytest.raises(UsageError, match=r"no attestation 'out\.intoto\.jsn'") as caught:
        verify(made.out, source=made.source, attestation=file.with_name("out.intoto.jsn"))
    assert "did you mean 'out.intoto.json'" in caught.value.hint.replace(f"{file.parent}/", "")


def test_a_repair_on_the_hub_is_compared_with_its_statement(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    hub.add("me/repaired", files_of(made.out))
    file = attest(made.out).out
    found = verify("me/repaired", attestation=file)
    assert found.ok and len(found.notes) == 1
    statement = json.loads(file.read_text())
    assert statement["predicate"]["models"]["source"]["commit"] == made.manifest.source.commit
    statement["predicate"]["models"]["source"]["commit"] = COMMIT[::-1]
    file.write_text(json.dumps(statement))
    assert [each.id for each in verify("me/repaired", attestation=file).findings] == ["MR-VER-023"]


def test_no_torch_is_imported(original, tmp_path):
    made, _ = original
    code = (
        "import sys, modelrepair as m; "
        f"a = m.attest({str(made.out)!r}, out={str(tmp_path / 'a.json')!r}); "
        f"v = m.verify({str(made.out)!r}, source={str(made.source)!r}, "
        f"reference={str(made.reference)!r}, attestation=a.out); "
        "assert v.ok, v; "
        "assert not {'torch', 'transformers', 'model_signing', 'cryptography'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
