"""``modelrepair attest``: write the statement of a repair beside its folder, signed or not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from modelrepair.artifact.attestation import ENDING, STATEMENT_TYPE, Statement, statement_of
from modelrepair.artifact.files import first_change
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import MANIFEST_LIMIT, known, load_manifest, reading_of
from modelrepair.artifact.signing import signature_beside, signature_of
from modelrepair.checkpoint.atomic import write_bytes
from modelrepair.checkpoint.kept_files import files_of
from modelrepair.checkpoint.untrusted import parse_json, read_file
from modelrepair.errors import DamagedCheckpointError, GateError, ModelRepairError, UsageError
from modelrepair.progress import Progress
from modelrepair.source.suggestions import did_you_mean, near_paths
from modelrepair.text.display import Glance, Glanced
from modelrepair.text.published import published_json
from modelrepair.text.typed_paths import refuse_unfit


@dataclass(frozen=True, repr=False)
class Attestation(Glanced):
    """A statement that was written.

    Args:
        out: its file.
        signature: the file of its signature; None where it was not signed.
        statement: its JSON.
        nothing_to_do: whether it lay there already, and nothing was to be signed.
    """

    out: Path
    signature: Path | None
    statement: dict[str, Any]
    nothing_to_do: bool = False

    def glance(self) -> Glance:
        """What is attested, and where it lies."""
        predicate = self.statement["predicate"]
        facts = {
            "out": self.out,
            "signature": self.signature,
            "files": len(self.statement["subject"]),
            "predicate": self.statement["predicateType"],
        }
        source = predicate["models"]["source"]["id"]
        return Glance(f"Attestation of a repair of {source}: {predicate['verdict']}", facts)

    def to_json(self) -> dict[str, Any]:
        """Ready for ``--json``."""
        return {
            "out": str(self.out),
            "signature": None if self.signature is None else str(self.signature),
            "nothing_to_do": self.nothing_to_do,
            "statement": self.statement,
        }


def attest_folder(
    folder: Path,
    out: Path | None = None,
    *,
    sign_key: Path | None = None,
    time: bool = False,
    progress: Progress | None = None,
) -> Attestation:
    """Write the statement of a repaired model, after its files were compared with its manifest.

    >>> attest_folder(Path("model-repaired")).out.name  # doctest: +SKIP
    'model-repaired.intoto.json'

    Args:
        folder: the repaired model.
        out: the file to write; by default beside the folder. Inside it, the statement would be a
            file that is no part of the repair, and `verify` would find it.
        sign_key: the PEM file of a private key; its signature goes beside the statement.
        time: put the time into the statement.
        progress: where the bytes read are shown.

    Raises:
        UsageError: no such folder, a place that is taken or inside the folder, no such key, or the
            extra ``sign`` is not installed.
        GateError: the files are not those of the manifest.
        DamagedCheckpointError: no manifest, or one that can't be read.
        InconclusiveError: one that is newer than this program.
    """
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder.name!r}",
            hint=f"{did_you_mean(near_paths(folder))}give the folder of a repaired model",
            id="no-such-folder",
        )
    inside = folder.resolve()
    out = inside.with_name(inside.name + ENDING) if out is None else out
    refuse_unfit(out)
    _refuse_place(out, inside)
    statement = _statement(folder, time, progress or Progress())
    data = json.dumps(statement, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    beside = signature_beside(out)
    there = _there(out)
    if there != data and sign_key is None and beside.exists():
        raise UsageError(
            f"{beside.name!r} is the signature of another statement",
            hint="sign the new one with --sign-key, remove the old signature, or choose --out",
            id="output-in-the-way",
        )
    signature = None if sign_key is None else signature_of(out.name, data, sign_key)
    if there != data:
        write_bytes(out, data)
    if signature is not None:
        write_bytes(beside, signature)
    signed = beside if beside.exists() else None
    return Attestation(out, signed, statement, there == data and signature is None)


def _statement(folder: Path, time: bool, progress: Progress) -> dict[str, Any]:
    """What can be said of a folder whose files are those of its manifest."""
    data = read_file(folder, MANIFEST_NAME, MANIFEST_LIMIT)
    if data is None:
        load_manifest(folder)  # it says that there is none
    document = parse_json(data or b"", MANIFEST_NAME, strict=True)
    reading = reading_of(document)
    manifest = known(reading)
    # Files that others put beside it are no part of what is attested.
    if problem := first_change(folder, manifest.files, set(files_of(folder)), progress):
        raise GateError(
            f"not attested: {problem}",
            hint="`modelrepair verify` names every difference; attest a repair that holds",
        )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else None
    sha256 = hashlib.sha256(data or b"").hexdigest()
    statement = statement_of(document, reading.digest, sha256, time=now)
    try:
        Statement.model_validate_json(json.dumps(statement))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))[:100]
        raise DamagedCheckpointError(
            f"not attested: the manifest lacks what a statement needs: {where}",
            hint="attest the folder as modelrepair wrote it",
        ) from None
    if published_json(statement["predicate"]) != statement["predicate"]:
        raise DamagedCheckpointError(
            "not attested: the manifest holds a local path or a secret",
            hint="attest the folder as modelrepair wrote it",
        )
    return statement


def _refuse_place(out: Path, folder: Path) -> None:
    if out.resolve().is_relative_to(folder):
        raise UsageError(
            f"{out.name!r} would lie in the repaired model, of which it is no part",
            hint="choose an --out beside the folder",
        )
    if out.is_dir() or not out.resolve().parent.is_dir():
        raise UsageError(
            f"{out.name!r} can't be written: no such place", hint="choose another --out"
        )


def _there(out: Path) -> bytes | None:
    """The statement that lies there already; nothing else is ever replaced."""
    if not out.exists():
        return None
    try:
        data = read_file(out.resolve().parent, out.resolve().name, MANIFEST_LIMIT) or b""
        value = parse_json(data, out.name)
    except ModelRepairError:
        value = None
    if not isinstance(value, dict) or value.get("_type") != STATEMENT_TYPE:
        raise UsageError(
            f"{out.name!r} is in the way and no statement",
            hint="remove it, or choose another --out",
            id="output-in-the-way",
        )
    return data
