"""Audit a list of models over a Ray cluster: one task a model, one line of JSON a result.

    python audit_on_ray.py ids.txt --out audits.jsonl

A model that can't be looked at is a line too. The same command again resumes: what has its line is
not looked at again, unless the Hub or a worker was the reason that it failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import modelrepair

HEAD = "options"
"""The key of the first line: what was asked of every model."""
TRIES = 3
"""Of a task whose worker dies."""
PASSING = (3, 4)
"""Exit codes of what the next run may find otherwise: the Hub, the network, a worker."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit what the list names; gives 0, or the gravest exit code of a model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("list", type=Path, help="a file with an id, or id@commit, a line")
    parser.add_argument("--out", type=Path, required=True, help="lines of JSON; resumed from")
    parser.add_argument("--address", help="of a cluster; by default one on this machine")
    parser.add_argument("--at-once", type=int, default=8, help="models looked at together over "
                        "the whole cluster, which share the limits of one account")  # fmt: skip
    parser.add_argument("--base", help="compare each with this one, whatever it claims")
    parser.add_argument("--deep", action="store_true", help="compare every tensor in full")
    asked = parser.parse_args(arguments)
    options = {"base": asked.base, "deep": asked.deep}
    try:
        names = wanted(asked.list)
        done = resume(asked.out, options)
    except (OSError, ValueError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    left = [name for name in names if name not in done]
    with asked.out.open("a", encoding="utf-8") as file:
        for name, document in over_cluster(left, options, asked.address, asked.at_once):
            done[name] = document
            file.write(json.dumps({"asked": name, "audit": document}) + "\n")
            file.flush()
            os.fsync(file.fileno())
    audits = [modelrepair.Audit.from_json(done[name]) for name in names]
    failed = sum(audit.error is not None for audit in audits)
    found = sum(bool(audit.outcome("found", at_least="warning")) for audit in audits)
    print(f"{len(audits)} models, {found} with findings, {failed} not looked at")
    codes = {audit.exit_code() for audit in audits}
    return next((code for code in (1, 7, 3) if code in codes), max(codes, default=0))


def over_cluster(
    names: Sequence[str], options: Mapping[str, Any], address: str | None, at_once: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Look at each model on some machine, and give what came of it as it comes.

    Args:
        names: what is looked at.
        options: of `modelrepair.audit`.
        address: of the cluster; None for one on this machine, which ends with this process.
        at_once: tasks that are given to the cluster at a time.
    """
    if not names:
        return
    import ray

    own = {} if address else {"include_dashboard": False}
    ray.init(address or "local", log_to_driver=False, logging_level="ERROR", **own)
    try:
        look = ray.remote(num_cpus=1, max_retries=TRIES - 1)(look_at)
        left, running = iter(names), {}
        while True:
            while len(running) < at_once and (name := next(left, None)) is not None:
                running[look.remote(name, options)] = name
            if not running:
                return
            for finished in ray.wait(list(running))[0]:
                name = running.pop(finished)
                try:
                    yield name, ray.get(finished)
                except ray.exceptions.RayError as error:
                    yield name, lost(name, error)
    finally:
        ray.shutdown()


def look_at(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The audit of one model, on a worker; of one that can't be opened, why."""
    import modelrepair

    (audit,) = modelrepair.audits([name], **options)
    return audit.to_json()


def lost(name: str, error: Exception) -> dict[str, Any]:
    """What stands for a model whose worker died: too little memory, a machine that went away."""
    why = f"its worker died {TRIES} times ({type(error).__name__})"
    hint = "look at this model alone, on a machine with more memory"
    return modelrepair.Audit(name, error=modelrepair.ResourceError(why, hint=hint)).to_json()


def wanted(path: Path) -> list[str]:
    """The names of a list, each once; empty lines and those with # are left out."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def resume(path: Path, options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What an earlier run of these options finished; the file is made where there is none.

    Raises:
        ValueError: the file is of another list of options.
    """
    head = json.dumps({HEAD: dict(options)}) + "\n"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    if lines and lines[0] != head:
        raise ValueError(f"{path} is of other options; give another --out")
    # A line without an end was being written when the run was stopped.
    rows = [json.loads(line) for line in lines[1:] if line.endswith("\n")]
    kept = {row["asked"]: row["audit"] for row in rows
            if row["audit"].get("error", {}).get("exit_code") not in PASSING}  # fmt: skip
    text = "".join(json.dumps({"asked": name, "audit": kept[name]}) + "\n" for name in kept)
    whole = path.with_name(f"{path.name}.partial")
    whole.write_text(head + text, encoding="utf-8")
    whole.replace(path)
    return kept


if __name__ == "__main__":
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    raise SystemExit(main())
