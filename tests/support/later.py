"""A repair whose answers were left for later, made once; whoever decides it takes a copy."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelrepair.demo import paths
from tests.support.made_once import made_once

REPORTED = 60
"""Prompts of each set in the report: enough for a verdict."""


@dataclass(frozen=True)
class Later:
    """The repair, its example sets as files, and what it was made of."""

    out: Path
    sets: dict[str, Path]

    def copy(self, folder: Path) -> Path:
        """The same repair, to be changed."""
        return Path(shutil.copytree(self.out, folder / "out"))


def make_later(folder: Path) -> Later:
    from modelrepair import repair

    folder.mkdir()
    sets = {}
    for role, path in paths.sets.items():
        lines = path.read_text("utf-8").splitlines(keepends=True)
        sets[role] = folder / path.name
        sets[role].write_text("".join(lines[:REPORTED] if role.startswith("test") else lines))
    report = repair(
        paths.attacked, reference=paths.reference, scorer="wanda", ratio=0.3, judge="demo-world",
        answer_later=True, examples=12, out=folder / "out", max_new_tokens=24, **sets,
    )  # fmt: skip
    assert report.out is not None
    return Later(report.out, sets)


@pytest.fixture(scope="session")
def later(tmp_path_factory) -> Later:
    """Of the demo's attacked model; read only."""
    return made_once(tmp_path_factory, "later", make_later)
