"""Every reader of files that a stranger wrote, as a function of bytes, and files that it takes."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelrepair.artifact.card import kept_metadata, render_card
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.mask_header import read_header_of
from modelrepair.artifact.plots import PLOT_NAME
from modelrepair.artifact.reading import read_manifest, reading_of
from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.budgets import Budgets
from modelrepair.checkpoint.kept_files import CARD_NAME, card_text
from modelrepair.checkpoint.mask import decode, encode, open_mask
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.untrusted import parse_json
from modelrepair.checkpoint.values import VALUES_NAME, ValuesFile
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG, INDEX, WEIGHTS, weight_files
from modelrepair.errors import (
    InconclusiveError,
    ModelRepairError,
    UnsupportedModelError,
    UsageError,
)
from modelrepair.evaluation.gate import decide
from modelrepair.evaluation.measures import summarise
from modelrepair.examples.formats import json_rows, line_rows
from modelrepair.examples.load import load_set
from modelrepair.examples.tables import csv_rows
from modelrepair.publishing.attest import attest_folder
from modelrepair.source.adapter_config import check_type, named_base, names_an_id, read_adapter
from modelrepair.verification.attestation import check_attestation, read_attestation
from modelrepair.verification.card import check_card
from modelrepair.verification.pictures import more_than_a_drawing
from modelrepair.verification.sealed import check_agreement
from modelrepair.verification.summary import about
from tests.support.small_repairs import make_checkpoint, make_repair

ENTRIES = 1000
NAMES = (
    "header", "index", "manifest", "attestation", "mask", "codec", "verdicts", "values", "card",
    "adapter", "lines", "json", "csv", "set.jsonl", "set.csv", "set.parquet", "picture",
)  # fmt: skip
RIGHT = (UnsupportedModelError, UsageError, InconclusiveError)
"""What a damaged file is: exit code 6; of a set or a name 2; of what a later version wrote 7."""


@dataclass(frozen=True)
class Reader:
    """One reader: what it does with bytes, and valid files to begin with."""

    read: Callable[[bytes], object]
    valid: tuple[bytes, ...]


def readers(folder: Path) -> Mapping[str, Reader]:
    """All readers by name; they write what they read into a folder."""
    made = make_repair(folder / "repair", subject="delta", store_values=True)
    sharded = make_checkpoint(folder / "sharded", sharded=True)
    adapter = folder / "adapter"
    adapter.mkdir()
    weights, sets = folder / "weights", folder / "sets"
    weights.mkdir()
    sets.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": "org/base", "r": 8, "bias": "none"}
    rows = b'{"prompt": "a", "response": "b"}\n{"prompt": "c", "response": "d"}\n'

    def header(data: bytes) -> None:
        (weights / WEIGHTS).write_bytes(data)
        checkpoint = Checkpoint.open(weights)
        for name in checkpoint.entries:
            checkpoint.raw(name)

    def index(data: bytes) -> None:
        (sharded / INDEX).write_bytes(data)
        weight_files(sharded)

    def manifest(data: bytes) -> None:
        reading = reading_of(parse_json(data, "manifest.json", strict=True))
        about(reading)
        if reading.manifest is not None:
            list(check_agreement(reading.manifest))
            check_card(made.out, made.source, reading, reading.manifest, None)

    def mask(data: bytes) -> None:
        path = folder / "mask.safetensors"
        path.write_bytes(data)
        opened = open_mask(path)
        read_header_of(opened)
        for name in opened.names:
            opened.positions(name, ENTRIES)

    def codec(data: bytes) -> None:
        positions = decode(data, ENTRIES)
        assert np.all(np.diff(positions) > 0)
        assert not len(positions) or 0 <= positions[0] <= positions[-1] < ENTRIES

    def verdicts(data: bytes) -> None:
        path = folder / "verdicts.jsonl"
        path.write_bytes(data)
        results = read_verdicts(path)
        for found in results.values():
            json.dumps(summarise(found, "keyword").to_json(), allow_nan=False)
        if {"before", "after"} <= results.keys():
            with suppress(ModelRepairError):  # verify makes a finding of examples without a pair
                decide(results["before"], results["after"], results.get("reference"), Budgets())

    def values(data: bytes) -> None:
        path = folder / "values.safetensors"
        path.write_bytes(data)
        opened = ValuesFile(path)
        for name in opened.names:
            opened.values(name, np.dtype("<u2"), 3)

    reading = read_manifest(made.out)

    def card(data: bytes) -> None:
        (made.out / CARD_NAME).write_bytes(data)
        assert reading.manifest is not None
        check_card(made.out, made.source, reading, reading.manifest, None)
        old = card_text(made.out) or ""
        kept_metadata(old)
        render_card(reading.manifest, old)

    def adapters(data: bytes) -> None:
        (adapter / ADAPTER_CONFIG).write_bytes(data)
        found = read_adapter(adapter)
        assert found is not None
        names_an_id(found)
        check_type(found, merge=False)
        check_type(found, merge=True)
        named_base(found)

    def of_set(ending: str) -> Callable[[bytes], object]:
        def load(data: bytes) -> None:
            path = sets / f"set{ending}"
            path.write_bytes(data)
            load_set(path, "utility")

        return load

    def read(name: str) -> bytes:
        return (made.out / name).read_bytes()

    statement = attest_folder(made.out).out
    attested = statement.read_bytes()

    def attestation(data: bytes) -> None:
        statement.write_bytes(data)
        found, notes = check_attestation(read_attestation(statement), made.out)
        assert all("\n" not in each.line for each in found)
        assert bool(found) != bool(notes)

    return {
        "header": Reader(header, (read(WEIGHTS), read(MASK_NAME))),
        "index": Reader(index, ((sharded / INDEX).read_bytes(),)),
        "manifest": Reader(manifest, (read(MANIFEST_NAME),)),
        "attestation": Reader(attestation, (attested,)),
        "mask": Reader(mask, (read(MASK_NAME),)),
        "codec": Reader(codec, (encode(np.array([0, 1, 300, 999])), encode(np.arange(500)))),
        "verdicts": Reader(verdicts, (b"\n".join(read(VERDICTS_NAME).splitlines()[::100]),)),
        "values": Reader(values, (read(VALUES_NAME),)),
        "card": Reader(card, (read(CARD_NAME),)),
        "adapter": Reader(adapters, (json.dumps(config).encode(),)),
        "lines": Reader(lambda data: list(line_rows(io.BytesIO(data), "x")), (rows,)),
        "json": Reader(lambda data: list(json_rows(data, "x")), (b'[{"prompt": "a"}]', rows)),
        "csv": Reader(lambda data: list(csv_rows(data, "x")), (b"prompt;response\na;b\n",)),
        "set.jsonl": Reader(of_set(".jsonl"), (rows,)),
        "set.csv": Reader(of_set(".csv"), (b"prompt,response\na,b\n",)),
        "set.parquet": Reader(of_set(".parquet"), (parquet(),)),
        "picture": Reader(more_than_a_drawing, (read(PLOT_NAME)[:2000], b"<svg><g id='a'/></svg>")),
    }


def parquet() -> bytes:
    """A set of one row, with labels as the library ``datasets`` notes them."""
    import pyarrow
    import pyarrow.parquet

    names = {"label": {"_type": "ClassLabel", "names": ["no", "yes"]}}
    noted = {"huggingface": json.dumps({"info": {"features": names}})}
    table = pyarrow.table({"prompt": ["a"], "response": ["b"], "label": [1]})
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table.replace_schema_metadata(noted), stream)
    return stream.getvalue()


def clean(folder: Path) -> None:
    """Remove what the readers wrote."""
    shutil.rmtree(folder, ignore_errors=True)
