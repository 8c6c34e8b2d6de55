"""An in-toto statement v1 of a repair: what went in, how it was changed, what came out of it.

Everything in it is in the manifest, or is the digest of a file: it can be derived again from the
repaired model, and the repaired model from its source. docs/attestation.md describes the predicate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from modelrepair.artifact.manifest import MANIFEST_NAME, Verdict
from modelrepair.artifact.records import (
    ExampleSetRecord,
    JudgeRecord,
    ModelRole,
    Origin,
    Plain,
    Record,
    RepairerRecord,
    ScorerRecord,
    Sha256,
    Text,
    Tool,
)
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.roles import holds_weights, is_ours
from modelrepair.evaluation.measures import Measures
from modelrepair.plugin.names import Scope, SubjectKind, Unit
from modelrepair.version import project_address

STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_VERSION: Literal[1] = 1
PREDICATE_URN = "urn:uuid:7ce3fdf2-b267-4eb9-8595-3b83832bfb8b"
"""The predicate's type as long as pyproject.toml names no address of the project."""
ENDING = ".intoto.json"
_TYPE_PATH = "attestation/repair/v"
_TYPE = re.compile(rf"\S+/{_TYPE_PATH}([1-9][0-9]{{0,5}})")

Time = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", max_length=20)
]

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "models": ("source", "base", "adapter", "reference"),
    "method": ("scorer", "repairer"),
    "parameters": (
        "edit",
        "subject",
        "scope",
        "ratio",
        "unit",
        "scale",
        "protect",
        "preset",
        "template",
        "arithmetic",
        "token_budget",
        "settings",
        "command",
    ),
}
"""Parts of the predicate that hold fields of the manifest under their own names, as they are."""
_FIELDS = ("tool", "sets", "judge", "measures", "verdict", "rules")


class Digests(Record):
    """The digests of one file."""

    sha256: Sha256


class Subject(Record):
    """One file that the statement is about."""

    name: str
    digest: Digests


class Models(Record):
    """What went in: ids, commits, and the SHA-256 of the files, as in the manifest."""

    source: Origin
    base: Origin | None = None
    adapter: Origin | None = None
    reference: Origin | None = None


class Method(Record):
    """What chose the mask, or made a dense edit: its name, distribution, version and options."""

    scorer: ScorerRecord | None = None
    repairer: RepairerRecord | None = None


class Parameters(Record):
    """What `modelrepair apply` and `modelrepair fix` need to do it again; no local path."""

    edit: Literal["mask", "dense"]
    subject: SubjectKind
    scope: Scope | None = None
    ratio: float | None = None
    unit: Unit | None = None
    """None for a dense edit, and of an older manifest: entries."""
    scale: float
    protect: float
    preset: str | None = None
    template: str
    arithmetic: str
    token_budget: int
    settings: dict[str, Plain]
    command: Text


class Mask(Record):
    """The file that names every changed entry."""

    name: Literal["repair/mask.safetensors"]
    sha256: Sha256


class Result(Record):
    """What came out."""

    manifest: Sha256
    """The manifest's digest: of its JSON without ``run``, so that it holds no time."""
    masked_share: float
    files: dict[str, Sha256]


class Predicate(Record):
    """How the repair was made, and what it measured."""

    version: Literal[1]
    tool: Tool
    models: Models
    method: Method
    parameters: Parameters
    sets: dict[str, ExampleSetRecord]
    judge: JudgeRecord | None = None
    mask: Mask | None = None
    """None for a dense edit."""
    result: Result
    measures: dict[ModelRole, Measures]
    verdict: Verdict
    rules: int
    """The version of the gate's rules."""
    time: Time | None = None
    """When the statement was made, in UTC: only where that was asked for."""


class Statement(Record):
    """An in-toto statement v1 whose predicate is a repair.

    >>> Statement.model_json_schema()["title"]
    'Statement'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[tuple[Subject, ...], Field(min_length=1)]
    predicate_type: Annotated[str, Field(alias="predicateType", min_length=1)]
    predicate: Predicate


def predicate_type() -> str:
    """The predicate's type: below the project's address, where pyproject.toml names one.

    >>> predicate_type()  # doctest: +SKIP
    'urn:uuid:7ce3fdf2-b267-4eb9-8595-3b83832bfb8b'
    """
    address = project_address()
    return PREDICATE_URN if address is None else f"{address}/{_TYPE_PATH}{PREDICATE_VERSION}"


def version_of(predicate_type: object) -> int | None:
    """The version of a predicate of ours, whatever address it was made under; None for others.

    >>> version_of("https://example.org/attestation/repair/v2"), version_of("https://slsa.dev/v1")
    (2, None)
    """
    if predicate_type == PREDICATE_URN:
        return PREDICATE_VERSION
    found = _TYPE.fullmatch(predicate_type) if isinstance(predicate_type, str) else None
    return int(found[1]) if found else None


def subjects_of(files: Mapping[str, str], manifest: str) -> list[dict[str, Any]]:
    """The weight files and the manifest, with their digests, by name.

    >>> [each["name"] for each in subjects_of({"a.safetensors": "0" * 64, "b.json": ""}, "1" * 64)]
    ['a.safetensors', 'repair/manifest.json']

    Args:
        files: as the manifest lists them.
        manifest: SHA-256 of the manifest's file.
    """
    weights = {name: files[name] for name in files if holds_weights(name) and not is_ours(name)}
    named = {**weights, MANIFEST_NAME: manifest}
    return [{"name": name, "digest": {"sha256": named[name]}} for name in sorted(named)]


def statement_of(
    document: Mapping[str, Any], digest: str, sha256: str, *, time: str | None = None
) -> dict[str, Any]:
    """The statement that follows from a manifest: the same manifest gives the same statement.

    Fields are taken from the manifest's JSON as it is: one that a later version adds to a record
    is then in no statement of an older repair.

    >>> statement_of(document, reading.digest, "0" * 64)["predicate"]["verdict"]  # doctest: +SKIP
    'passed'

    Args:
        document: the manifest's JSON.
        digest: its digest, which leaves ``run`` out.
        sha256: that of the manifest's file.
        time: when the statement is made; None leaves it out.
    """
    files = document["files"]
    predicate: dict[str, Any] = {"version": PREDICATE_VERSION}
    predicate |= {name: document.get(name) for name in _FIELDS}
    predicate |= {
        group: {name: document.get(name) for name in names} for group, names in _GROUPS.items()
    }
    masked = MASK_NAME in files
    predicate["mask"] = {"name": MASK_NAME, "sha256": files[MASK_NAME]} if masked else None
    predicate["result"] = {
        "manifest": digest,
        "masked_share": document.get("masked_share"),
        "files": files,
    }
    if time is not None:
        predicate["time"] = time
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects_of(files, sha256),
        "predicateType": predicate_type(),
        "predicate": predicate,
    }


def json_schema() -> dict[str, Any]:
    """The statement's JSON Schema, as published in ``docs/attestation.schema.json``.

    >>> json_schema()["properties"]["predicateType"]["type"]
    'string'
    """
    return Statement.model_json_schema()
