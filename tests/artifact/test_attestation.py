"""The statement of a repair: what the manifest says, in the form that in-toto and a schema give."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.artifact.attestation import (
    PREDICATE_URN,
    Statement,
    json_schema,
    predicate_type,
    statement_of,
    subjects_of,
    version_of,
)
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import read_manifest
from modelrepair.text.published import published_json
from tests.kept.make import KEPT, REPAIRS
from tests.support.project_links import ADDRESS, built_with
from tests.support.versions import DESCRIBED

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = DOCS / "attestation.schema.json"
REFRESH = (
    "python -c 'import json; from modelrepair.artifact.attestation import json_schema; "
    "print(json.dumps(json_schema(), indent=2))' > docs/attestation.schema.json"
)


def made(name: str, **more) -> dict:
    data = (REPAIRS / name / MANIFEST_NAME).read_bytes()
    reading = read_manifest(REPAIRS / name)
    return statement_of(json.loads(data), reading.digest, hashlib.sha256(data).hexdigest(), **more)


@DESCRIBED
def test_the_published_schema_is_current():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema(), REFRESH


def test_the_page_names_the_type_and_every_part_of_the_predicate():
    page = (DOCS / "attestation.md").read_text(encoding="utf-8")
    assert f"`{PREDICATE_URN}`" in page
    for name, schema in json_schema()["$defs"].items():
        if name in ("Predicate", "Models", "Method", "Parameters", "Mask", "Result"):
            for field in schema["properties"]:
                assert f"`{field}`" in page, (name, field)


@pytest.mark.parametrize("name", KEPT)
def test_the_statement_of_every_kind_of_repair_fits_the_schema(name):
    statement = made(name, time="2026-01-01T00:00:00Z")
    jsonschema.Draft202012Validator(json_schema()).validate(statement)
    assert Statement.model_validate_json(json.dumps(statement)).predicate.version == 1
    assert published_json(statement["predicate"]) == statement["predicate"]
    assert [each["name"] for each in statement["subject"]][-1] == MANIFEST_NAME
    assert len(statement["subject"]) >= 2
    assert (statement["predicate"]["mask"] is None) == (name == "dense")


@pytest.mark.parametrize("name", KEPT)
def test_the_statement_says_what_was_removed_as_one(name):
    document = json.loads((REPAIRS / name / MANIFEST_NAME).read_text(encoding="utf-8"))
    parameters = made(name)["predicate"]["parameters"]
    assert parameters["unit"] == document.get("unit")
    assert (parameters["unit"] is None) == (name in ("dense", "no-unit"))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda statement: statement.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda statement: statement.update(subject=[]),
        lambda statement: statement["subject"][0].update(digest={}),
        lambda statement: statement["predicate"].update(safe=True),
        lambda statement: statement["predicate"].update(version=2),
        lambda statement: statement["predicate"].pop("result"),
        lambda statement: statement["predicate"]["models"]["source"].update(id="/home/me/model"),
    ],
)
def test_what_is_no_such_statement_does_not_pass(wrong):
    statement = made("passed")
    wrong(statement)
    with pytest.raises(ValueError, match="Statement"):
        Statement.model_validate_json(json.dumps(statement))


def test_it_is_a_statement_to_the_library_of_in_toto():
    pytest.importorskip("in_toto_attestation", reason="the extra `sign` is not installed")
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement as Theirs

    for name in KEPT:
        read = json_format.Parse(json.dumps(made(name)), statement_pb2.Statement())
        Theirs.copy_from_pb(read).validate()


def test_the_type_is_below_the_project_s_address_where_there_is_one(monkeypatch):
    built_with(monkeypatch, "")
    assert predicate_type() == PREDICATE_URN
    built_with(monkeypatch, ADDRESS)
    assert predicate_type() == f"{ADDRESS}/attestation/repair/v1"


@given(st.integers(1, 999_999))
def test_the_version_is_read_from_the_type_whatever_the_address(number):
    assert version_of(f"https://example.org/x/attestation/repair/v{number}") == number


def test_other_types_have_no_version():
    assert version_of(PREDICATE_URN) == version_of(predicate_type()) == 1
    for other in (None, 1, "", "urn:uuid:0", "https://example.org/repair/v1", "x/v1",
                  "https://example.org/attestation/repair/v1/x"):  # fmt: skip
        assert version_of(other) is None


@given(
    st.permutations(["a.safetensors", "b-1.safetensors", "config.json", "repair/mask.safetensors"])
)
def test_the_subjects_are_weights_and_manifest_in_one_order(names):
    files = dict.fromkeys(names, "0" * 64)
    subjects = subjects_of(files, "1" * 64)
    named = [each["name"] for each in subjects]
    assert named == ["a.safetensors", "b-1.safetensors", MANIFEST_NAME]
    assert subjects[-1]["digest"] == {"sha256": "1" * 64}


def test_a_field_of_a_later_version_is_in_no_statement_of_an_older_repair():
    document = json.loads((REPAIRS / "passed" / MANIFEST_NAME).read_text(encoding="utf-8"))
    one = statement_of(document, "0" * 64, "1" * 64)
    document["added"] = 1
    assert statement_of(document, "0" * 64, "1" * 64) == one
