"""An attestation against the repair that it is said to be of, and its signature against a key.

Every field is compared: the statement that follows from the manifest is made again, and where the
given one says anything else, or more, that is found. That the manifest holds, `verify` finds out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from modelrepair.artifact.attestation import (
    PREDICATE_VERSION,
    STATEMENT_TYPE,
    Time,
    statement_of,
    subjects_of,
    version_of,
)
from modelrepair.artifact.findings import Finding
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import MANIFEST_LIMIT, Reading, reading_of
from modelrepair.artifact.signing import SIGNATURE_LIMIT, signature_beside, why_not_signed
from modelrepair.checkpoint.untrusted import parse_json, read_file
from modelrepair.errors import ModelRepairError, UsageError
from modelrepair.source.suggestions import did_you_mean, near_paths

MOST_FINDINGS = 8
_TIME: TypeAdapter[str] = TypeAdapter(Time)


@dataclass(frozen=True)
class Given:
    """An attestation as it was read.

    Args:
        name: of its file.
        statement: its JSON; None where it can't be read.
        findings: what is wrong with it, or with its signature.
        signed: by which key, as far as that was asked.
    """

    name: str
    statement: Mapping[str, Any] | None
    findings: tuple[Finding, ...] = ()
    signed: str = ""


def read_attestation(path: str | Path, public_key: str | Path | None = None) -> Given:
    """Read an attestation of unknown origin, and check its signature where a key is given.

    >>> read_attestation("model-repaired.intoto.json").findings  # doctest: +SKIP
    ()

    Args:
        path: the statement; its signature lies beside, under its name and ``.sig``.
        public_key: the PEM file of the signer's key; None leaves the signature unchecked.

    Raises:
        UsageError: no such file, no such key, or the extra ``sign`` is not installed.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(
            f"there is no attestation {path.name!r}",
            hint=f"{did_you_mean(near_paths(path, files=True))}give the file that "
            "`modelrepair attest` wrote",
        )
    path = path.resolve()
    found: list[Finding] = []
    statement = None
    try:
        # It holds what the manifest holds, and less.
        data = read_file(path.parent, path.name, MANIFEST_LIMIT) or b""
        statement = _statement(parse_json(data, path.name, strict=True), path.name, found)
    except ModelRepairError as error:
        return Given(path.name, None, (Finding("attestation", path.name, None, str(error)),))
    signed = _signature(path, data, public_key, found)
    return Given(path.name, statement, tuple(found), signed)


def check_attestation(given: Given, out: Path) -> tuple[list[Finding], list[str]]:
    """Compare an attestation with the repair in a folder; note where it says the same.

    >>> check_attestation(given, Path("model-repaired"))  # doctest: +SKIP
    ([], ['the attestation model-repaired.intoto.json says what this manifest says'])

    Args:
        given: as `read_attestation` gave it.
        out: the repaired model's folder.
    """
    found = list(given.findings)
    try:
        data = read_file(out, MANIFEST_NAME, MANIFEST_LIMIT) or b""
        document = parse_json(data, MANIFEST_NAME, strict=True)
        reading = reading_of(document)
    except ModelRepairError:
        return found, []  # `verify` says it
    if given.statement is None:
        return found, []
    different = list(_different(given, document, reading, data))
    found += different[:MOST_FINDINGS]
    if found:
        return found, []
    what = "what this manifest says" if reading.newer is None else "the digests of these files"
    return [], [f"the attestation {given.name} says {what}{given.signed}"]


def _statement(value: Any, name: str, found: list[Finding]) -> Mapping[str, Any] | None:
    """The statement, if it is one that can be compared; else why not."""
    if not isinstance(value, dict) or value.get("_type") != STATEMENT_TYPE:
        message = f"is no in-toto statement: its _type is not {STATEMENT_TYPE}"
        found.append(Finding("attestation", name, None, message))
        return None
    kind, predicate = value.get("predicateType"), value.get("predicate")
    version = version_of(kind)
    if version is None or not isinstance(predicate, dict):
        message = f"is no statement of a repair: its predicate is {_brief(kind)}"
        found.append(Finding("attestation", name, None, message))
        return None
    inner = predicate.get("version")
    inner = inner if type(inner) is int else 0
    if max(version, inner) > PREDICATE_VERSION:
        message = f"its predicate is of version {max(version, inner)}, known is {PREDICATE_VERSION}"
        found.append(Finding("newer-attestation", name, None, message))
        return None
    return value


def _signature(path: Path, data: bytes, key: str | Path | None, found: list[Finding]) -> str:
    """What can be said of the signature."""
    beside = signature_beside(path)
    if key is None:
        there = beside.exists()
        return f"; its signature was not checked: no --public-key ({beside.name})" if there else ""
    try:
        signature = read_file(beside.parent, beside.name, SIGNATURE_LIMIT)
    except ModelRepairError as error:
        found.append(Finding("signature", beside.name, None, str(error)))
        return ""
    if signature is None:
        found.append(Finding("signature", beside.name, None, "is not beside the attestation"))
        return ""
    if why := why_not_signed(path.name, data, signature, Path(key)):
        found.append(Finding("signature", beside.name, None, why))
        return ""
    return f", and is signed by the key {Path(key).name}"


def _different(
    given: Given, document: Mapping[str, Any], reading: Reading, data: bytes
) -> Iterator[Finding]:
    """What the statement says that the manifest and the files do not."""
    assert given.statement is not None
    statement = dict(given.statement)
    files, sha256 = reading.core.files, hashlib.sha256(data).hexdigest()
    if MANIFEST_NAME not in _subject_digests(statement.get("subject")):
        yield Finding("attested", given.name, None, f"is about no {MANIFEST_NAME}")
        return
    expected = _subject_digests(subjects_of(files, sha256))
    subject = _subject_digests(statement.pop("subject"))
    for name in sorted(subject.keys() | expected.keys()):
        if subject.get(name) == expected.get(name):
            continue
        if name == MANIFEST_NAME and subject[name] == _with_lf(data):
            message = "has CRLF line ends (git's core.autocrlf?)"
            yield Finding("line-ends", name, None, message)
            continue
        has, wanted = (_digest(each.get(name)) for each in (subject, expected))
        message = f"is about {_brief(name)} with {has}, and here it has {wanted}"
        yield Finding("attested", given.name, None, message)
    if reading.manifest is None or reading.unknown:
        return  # of a later version: what follows from it is not known
    predicate = statement.pop("predicate")
    rest = {name: statement[name] for name in statement if name not in ("_type", "predicateType")}
    time = predicate.get("time")
    made = statement_of(document, reading.digest, sha256, time=time if _is_time(time) else None)
    wanted = made["predicate"]
    for name in sorted(predicate.keys() | wanted.keys()):
        if place := _first_difference(predicate.get(name, _NONE), wanted.get(name, _NONE), name):
            yield Finding("attested", given.name, None, place)
    for name in sorted(rest):
        yield Finding("attested", given.name, None, f"{_brief(name)} is no part of a statement")


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


_NONE = _Nothing()


def _first_difference(found: Any, wanted: Any, place: str) -> str | None:
    """Where two values of JSON differ first, and how; None where they are the same."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(found.keys() | wanted.keys()):
            one, two = found.get(key, _NONE), wanted.get(key, _NONE)
            if said := _first_difference(one, two, f"{place}.{key}"):
                return said
        return None
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for number, (one, two) in enumerate(zip(found, wanted, strict=True)):
            if said := _first_difference(one, two, f"{place}[{number}]"):
                return said
        return None
    # In Python True is 1; in JSON it is not.
    if found == wanted and isinstance(found, bool) == isinstance(wanted, bool):
        return None
    return f"{place[:100]}: it says {_brief(found)}, the manifest {_brief(wanted)}"


def _subject_digests(subject: object) -> dict[str, object]:
    """Each subject's digests by its name; what is no list of subjects is about nothing."""
    if not isinstance(subject, list):
        return {}
    found: dict[str, object] = {}
    for each in subject:
        name = each.get("name") if isinstance(each, dict) else None
        whole = isinstance(each, dict) and each.keys() == {"name", "digest"}
        # A name that stands twice has two digests, and no file has both.
        known = isinstance(name, str) and whole and name not in found
        found[str(name)] = each["digest"] if known else None
    return {name: _only_sha256(digest) for name, digest in found.items()}


def _only_sha256(digest: object) -> object:
    return digest["sha256"] if isinstance(digest, dict) and digest.keys() == {"sha256"} else digest


def _digest(value: object) -> str:
    if value is None:
        return "no digest"
    return f"sha256 {value[:12]}…" if isinstance(value, str) else _brief(value)


def _with_lf(data: bytes) -> str:
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def _is_time(value: object) -> bool:
    try:
        _TIME.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _brief(value: object) -> str:
    return repr(value)[:100]
