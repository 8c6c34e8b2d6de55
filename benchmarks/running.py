"""Runs the rows of a part, one after the other, and keeps what each took."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.environments import NotInstalled, python_of
from benchmarks.examples import write_examples
from benchmarks.machine import Machine
from benchmarks.measured import Measured, measure
from benchmarks.parts import Options, Part, Row
from benchmarks.shapes import SHAPES, write_model
from modelrepair.checkpoint.atomic import write_json

Results = dict[str, Any]
"""part → what it was measured on → ``machine``, and ``rows`` by name."""
Start = Callable[[Row, Options], Measured]
ROOT = Path(__file__).resolve().parents[1]


def load(path: Path) -> Results:
    """What earlier runs measured.

    Args:
        path: a JSON file, or none yet.
    """
    found: Results = json.loads(path.read_bytes()) if path.exists() else {}
    return found


def run_part(
    name: str,
    part: Part,
    options: Options,
    machine: Machine,
    path: Path,
    start: Start | None = None,
    *,
    again: bool = False,
) -> None:
    """Measure what is not yet known of a part; each row is kept as soon as it is there.

    Rows of another machine, or other versions, are forgotten: no ratio is taken across two.

    Args:
        name: of the part.
        part: what is measured.
        options: on what.
        machine: this one.
        path: the JSON file of results.
        start: measures a row; default: in a process of its own.
        again: measure what is known, too.
    """
    measured_on = part.measured_on(options)
    table = load(path).get(name, {}).get(measured_on, {})
    if again or table.get("machine") != dict(machine):
        table = {"machine": dict(machine), "rows": {}}
    for row in part.rows(options):
        known = table["rows"].get(row.name)
        if known is not None and known["failure"] is None:
            continue
        sys.stderr.write(f"{name}: {row.name}\n")
        table["rows"][row.name] = asdict((start or start_row)(row, options))
        results = load(path)
        results.setdefault(name, {})[measured_on] = table
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, results)


def start_row(row: Row, options: Options) -> Measured:
    """Run one contestant; one that can't be installed is a row that says why.

    Args:
        row: the contestant.
        options: where environments and models lie.
    """
    try:
        python = sys.executable
        if row.requirements:
            folder = options.environments / row.requirements[0].partition("==")[0]
            python = python_of(row.requirements, folder)
    except NotInstalled as error:
        return Measured(0.0, 0.0, None, failure=str(error))
    launch = [python]
    if row.ranks is not None:
        launch += ["-m", "torch.distributed.run", f"--nproc-per-node={row.ranks}"]
    scored = [] if row.scored is None else _scored(row.scored)
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        module = f"benchmarks.contestants.{row.contestant}"
        command = [*launch, "-m", module, *row.arguments, *scored, "--work", work]
        return measure(command, {"PYTHONPATH": str(ROOT), **_QUIET})


_QUIET: Mapping[str, str] = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "passive",
}


def _scored(options: Options) -> list[str]:
    """The arguments that name a model and examples, which are written where they lack."""
    shape = SHAPES[options.shape].with_blocks(options.blocks)
    model = write_model(shape, options.work / f"{options.shape}-{shape.blocks}")
    examples = options.work / f"{options.shape}-{options.examples}.jsonl"
    write_examples(options.examples, shape.vocabulary, examples)
    return ["--model", str(model), "--examples", str(examples), "--device", options.device]
