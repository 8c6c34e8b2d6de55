"""Invented files in the form of the published data sets: the same names, columns and splits."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet

CARD = """---
configs:
- config_name: default
  data_files:
  - split: 30k_train
    path: round0/30k/train.jsonl.gz
  - split: 30k_test
    path: round0/30k/test.jsonl.gz
---
"""


def beavertails(folder: Path, *, train: list[dict], test: list[dict]) -> Path:
    """BeaverTails as its repository has it, at the commit that is read."""
    (folder / "round0/30k").mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    for name, rows in (("train", train), ("test", test)):
        text = "".join(json.dumps({**row, "category": {"theft": False}}) + "\n" for row in rows)
        (folder / f"round0/30k/{name}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def sst2(folder: Path, *, train: list[tuple[str, int]], test: list[tuple[str, int]]) -> Path:
    """SST2 as stanfordnlp/sst2 has it."""
    for split, rows in (("train", train), ("validation", test)):
        columns = {
            "idx": list(range(len(rows))),
            "sentence": [sentence for sentence, _ in rows],
            "label": [label for _, label in rows],
        }
        _parquet(folder / f"data/{split}-00000-of-00001.parquet", columns)
    return folder


def gsm8k(folder: Path, *, train: list[tuple[str, str]], test: list[tuple[str, str]]) -> Path:
    """GSM8K as openai/gsm8k has it: two configurations."""
    card = "---\nconfigs:\n"
    for config in ("main", "socratic"):
        card += f"- config_name: {config}\n  data_files:\n"
        for split, rows in (("train", train), ("test", test)):
            columns = {"question": [q for q, _ in rows], "answer": [a for _, a in rows]}
            _parquet(folder / f"{config}/{split}-00000-of-00001.parquet", columns)
            card += f"  - split: {split}\n    path: {config}/{split}-*\n"
    (folder / "README.md").write_text(card + "---\n")
    return folder


def hex_phi(folder: Path, categories: dict[int, list[str]]) -> Path:
    """HEx-PHI: a file a category, an instruction a line, no names of columns."""
    folder.mkdir(parents=True)
    for number, instructions in categories.items():
        with (folder / f"category_{number}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([each] for each in instructions)
    return folder


def xstest(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    """XSTest's file: id, prompt, type, label, focus, note."""
    with path.open("w", newline="") as stream:
        written = csv.writer(stream)
        written.writerow(["id", "prompt", "type", "label", "focus", "note"])
        written.writerows([i, *row, "word", ""] for i, row in enumerate(rows, 1))
    return path


def _parquet(path: Path, columns: dict[str, list]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
