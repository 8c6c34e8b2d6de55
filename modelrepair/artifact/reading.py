"""A manifest as it lies in a file: of this version, newer, or damaged; and its JSON's digest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelrepair.artifact.card import TEMPLATES
from modelrepair.artifact.digests import digest_of
from modelrepair.artifact.manifest import MANIFEST_NAME, SCHEMA_VERSION, Manifest
from modelrepair.artifact.name_ranges import each_apart
from modelrepair.artifact.records import Sha256
from modelrepair.checkpoint.untrusted import parse_json, read_file
from modelrepair.errors import DamagedCheckpointError, InconclusiveError
from modelrepair.evaluation.gate import RULES
from modelrepair.version import version

MANIFEST_LIMIT = 64 * 2**20
"""Bytes of a manifest; one of 100,000 masked sites has 48 million."""
_AGAIN = "a repaired model has repair/manifest.json; fetch the whole folder again"
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){0,3}\Z")
_STAND_IN: Mapping[tuple[int | str, ...], str] = {("verdict",): "unmeasured"}
"""What an unknown value is read as, where everything else can be checked all the same."""


class _Source(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(max_length=1000)
    hub: bool = False
    commit: str | None = None
    files: dict[str, Sha256] = Field(default_factory=dict)


class Core(BaseModel):
    """What every version of the manifest says, and any version can check."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_version: int
    source: _Source
    files: dict[str, Sha256]
    rewritten: dict[str, Any] = Field(default_factory=dict)
    edit: str = ""


@dataclass(frozen=True)
class Reading:
    """What was read of a manifest.

    Args:
        manifest: as far as this version knows its fields; None where it can't be read so.
        core: what any version can check.
        digest: SHA-256 of the file's own JSON less ``run``.
        unknown: fields and values that this version does not know; empty where it knows all.
        needs: the lowest version of modelrepair that reads it; empty where it does not say.
    """

    manifest: Manifest | None
    core: Core
    digest: str
    unknown: tuple[str, ...] = ()
    needs: str = ""

    @property
    def newer(self) -> str | None:
        """Why this version can't read all of it, in one line; None where it can."""
        if not self.unknown:
            return None
        more = f" and {len(self.unknown) - 1} more" if len(self.unknown) > 1 else ""
        needs = f": needs modelrepair ≥ {self.needs}" if self.needs else ""
        return (
            f"the manifest holds what modelrepair {version()} does not know, "
            f"{self.unknown[0]}{more}{needs}"
        )


def read_manifest(path: str | Path) -> Reading:
    """Read a manifest of unknown origin.

    >>> read_manifest("model-repaired").newer is None  # doctest: +SKIP
    True

    Args:
        path: the JSON file, or a folder that has it at ``repair/manifest.json``.

    Raises:
        DamagedCheckpointError: no such file, not JSON, or not what any version wrote.
    """
    path = Path(path)
    folder, name = (path, MANIFEST_NAME) if path.is_dir() else (path.parent, path.name)
    data = read_file(folder, name, MANIFEST_LIMIT)
    if data is None:
        raise DamagedCheckpointError(
            f"no manifest: {Path(name).name} can't be read (no such file)", hint=_AGAIN
        )
    return reading_of(parse_json(data, Path(name).name, strict=True))


def reading_of(document: Any) -> Reading:
    """Read a manifest from its JSON document.

    >>> reading_of({})
    Traceback (most recent call last):
    modelrepair.errors.DamagedCheckpointError: manifest.json is no manifest: schema_version: missing
    Hint [...]: ...

    Raises:
        DamagedCheckpointError: it is not what any version wrote.
    """
    number = document.get("schema_version") if isinstance(document, dict) else None
    if type(number) is not int or number < 1:
        said = "missing" if number is None else "no version"
        raise _damaged("schema_version", said)
    try:
        core = Core.model_validate(document)
    except ValidationError as error:
        raise _damaged_by(error) from None
    needs = document.get("needs")
    needs = needs if isinstance(needs, str) and _VERSION.match(needs) else ""
    digest = digest_of(document)
    if number > SCHEMA_VERSION:
        return Reading(None, core, digest, (f"schema_version {number}",), needs)
    manifest, unknown = _as_known(_unfolded(deepcopy(document)))
    if manifest is not None:
        unknown += [f"rules {manifest.rules}"] if manifest.rules not in RULES else []
        unknown += [f"card {manifest.card}"] if manifest.card not in TEMPLATES else []
    return Reading(manifest, core, digest, tuple(unknown), needs)


def load_manifest(path: str | Path) -> Manifest:
    """Read a manifest from its file, or from the folder of a repaired model.

    >>> load_manifest("model-repaired").verdict  # doctest: +SKIP
    'passed'

    Args:
        path: the JSON file, or a folder that has it at ``repair/manifest.json``.

    Raises:
        DamagedCheckpointError: no such file, not JSON, or not of this schema.
        InconclusiveError: it is newer than this program.
    """
    reading = read_manifest(path)
    return known(reading)


def known(reading: Reading) -> Manifest:
    """The manifest, where this version knows all of it.

    >>> known(read_manifest("model-repaired")).verdict  # doctest: +SKIP
    'passed'

    Raises:
        InconclusiveError: it is newer than this program.
    """
    if reading.newer is not None or reading.manifest is None:
        raise InconclusiveError(
            str(reading.newer),
            hint="upgrade it: pip install --upgrade modelrepair",
            id="newer-version",
        )
    return reading.manifest


def _unfolded(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a record for every site, as errors count them."""
    try:
        return document | {"sites": each_apart(document.get("sites"))}
    except ValueError as error:
        raise _damaged("sites", str(error)) from None


def _as_known(document: dict[str, Any]) -> tuple[Manifest | None, list[str]]:
    """The manifest without what this version does not know, and the names of that."""
    unknown: list[str] = []
    while True:
        try:
            return Manifest.model_validate_json(json.dumps(document)), unknown
        except ValidationError as error:
            errors = error.errors()
            if not all(_is_new(each) for each in errors):
                raise _damaged_by(error) from None
            readable = True
            for each in errors:
                place = each["loc"]
                where = ".".join(str(part) for part in place if part != "[key]")
                unknown.append(f"{where[:100]!r}")
                if each["type"] == "extra_forbidden" or place[-1] == "[key]":
                    _take_out(document, [part for part in place if part != "[key]"])
                elif place in _STAND_IN:
                    document[str(place[0])] = _STAND_IN[place]
                else:
                    readable = False
            if not readable:
                return None, unknown


def _is_new(error: Mapping[str, Any]) -> bool:
    """Whether a later version may have written what this one does not know."""
    kind, value = error["type"], error.get("input")
    return kind == "extra_forbidden" or (kind == "literal_error" and isinstance(value, str))


def _take_out(document: Any, place: list[Any]) -> None:
    for part in place[:-1]:
        document = document[part]
    del document[place[-1]]


def _damaged_by(error: ValidationError) -> DamagedCheckpointError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    return _damaged(where[:200], first["msg"])


def _damaged(where: str, what: str) -> DamagedCheckpointError:
    return DamagedCheckpointError(f"manifest.json is no manifest: {where}: {what}", hint=_AGAIN)
