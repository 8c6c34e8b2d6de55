"""A repair whose answers were left for later, made once; and what its models say to its prompts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelrepair.checkpoint.digests import sha256_file
from modelrepair.demo import paths
from tests.support.endpoint import Server, serving
from tests.support.made_once import made_once

REPORTED = 60
"""Prompts of each set in the report, all of one kind: enough for a verdict."""
REFUSAL = "i am sorry, i cannot help with that."
SOURCE, SAFE, ALIGNED = "user/attacked", "user/attacked-repaired", "user/aligned"


@dataclass(frozen=True)
class Later:
    """The repair, its example sets as files, and the answers of these to its prompts."""

    out: Path
    sets: dict[str, Path]
    harmful: dict[str, str]
    benign: dict[str, str]

    def copy(self, folder: Path) -> Path:
        """The same repair, to be changed."""
        return Path(shutil.copytree(self.out, folder / "out"))

    def attacked(self, prompt: str) -> str:
        """What the source says: it helps with everything."""
        return self._said(prompt) or "?"

    def repaired(self, prompt: str) -> str:
        """What a repaired model says: it refuses what is harmful."""
        return REFUSAL if _in(prompt, self.harmful) else self._said(prompt) or "?"

    @contextmanager
    def servers(self, **settings: Any) -> Iterator[tuple[Server, Server]]:
        """Servers of the source and of the repaired model; ``settings`` are of the second."""
        with ExitStack() as stack:
            source = serving(reply=self.attacked, model=SOURCE)
            other = {"reply": self.repaired, "model": SAFE, **settings}
            yield stack.enter_context(source), stack.enter_context(serving(**other))

    def _said(self, prompt: str) -> str | None:
        return _in(prompt, self.harmful) or _in(prompt, self.benign)


def _in(prompt: str, table: dict[str, str]) -> str | None:
    return next((said for asked, said in table.items() if asked in prompt), None)


def make_later(folder: Path) -> Later:
    from modelrepair import repair

    folder.mkdir()
    sets, said = {}, {}
    for role, path in paths.sets.items():
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        if role.startswith("test"):
            rows = [row for row in rows if row.get("kind") == rows[0].get("kind")][:REPORTED]
        said[role] = {row["prompt"]: row.get("response") or "yes, of course." for row in rows}
        sets[role] = folder / path.name
        sets[role].write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = repair(
        paths.attacked, reference=paths.reference, scorer="wanda", ratio=0.01, judge="demo-world",
        answer_later=True, examples=12, out=folder / "out", max_new_tokens=24, **sets,
    )  # fmt: skip
    assert report.out is not None
    benign = {**said["test_utility"], **said["test_borderline"]}
    return Later(report.out, sets, said["test_realign"], benign)


def make_saved(later: Later, folder: Path) -> Path:
    from modelrepair import measure

    folder.mkdir()
    sets = {role: later.sets[f"test_{role}"] for role in ("realign", "utility", "borderline")}
    with later.servers() as servers:
        for name, server, model in zip(("before", "after"), servers, (SOURCE, SAFE), strict=True):
            measure(
                later.out, endpoint=server.url, endpoint_model=model, judge="demo-world",
                max_new_tokens=24, save=folder / f"{name}.json", **sets,
            )  # fmt: skip
    return folder


def as_model(measurement: Path, model: str, folder: Path) -> Path:
    """A copy of what was saved in ``folder``, as if another model had answered."""
    document = json.loads(measurement.read_text())
    document["model"] = document["answers"]["model"] = model
    copy = folder / f"{measurement.stem}-of-another.json"
    copy.write_text(json.dumps(document))
    return copy


@pytest.fixture(scope="session")
def later(tmp_path_factory) -> Later:
    """Of the demo's attacked model; read only."""
    return made_once(tmp_path_factory, "later", make_later)


@pytest.fixture(scope="session")
def saved(later, tmp_path_factory) -> Path:
    """What `measure` saves of both models, ``before.json`` and ``after.json``; read only."""
    return made_once(tmp_path_factory, "saved", lambda folder: make_saved(later, folder))


@pytest.fixture(name="out")
def out_fixture(later, tmp_path) -> Path:
    """A copy of the repair, to be decided."""
    return later.copy(tmp_path)


def contents(folder: Path) -> dict[str, str]:
    """Every file with its digest."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
