"""Repairs that are killed and resumed, and what tells whether two repairs are the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from modelrepair import load_manifest
from modelrepair.artifact.digests import digest
from modelrepair.demo import paths

KILLER = """
import os, signal, sys
from modelrepair.preflight import sets
from modelrepair.engine.passes import passes
sets.own_kinds = list  # as in the process of the tests: `conftest.py`
plain, left = passes._State.save, [int(sys.argv[1])]
def save(state, folder):
    plain(state, folder)
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
passes._State.save = save
sys.argv = ["modelrepair", *sys.argv[2:]]
from modelrepair.cli.main import main
main()
"""
NEVER = "0"
"""Blocks after which a run ends in its own time."""


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def kill_and_go_on(out: Path, kills: tuple[int, ...], *options: str) -> None:
    """Kill a repair after so many blocks, each time anew, and let the last run end."""
    sets = [f"--{role.replace('_', '-')}={path}" for role, path in paths.sets.items()]
    command = ["fix", str(paths.attacked), f"--reference={paths.reference}", f"--out={out}"]
    command += ["--judge=demo-world", *sets, *options]
    for blocks in kills:
        script = [sys.executable, "-c", KILLER, str(blocks)]
        assert subprocess.run([*script, *command], check=False).returncode == -signal.SIGKILL
        assert not out.exists()
    subprocess.run([sys.executable, "-c", KILLER, NEVER, *command], check=True)


def assert_same_repair(one: Path, two: Path) -> None:
    first, second = bytes_of(one), bytes_of(two)
    assert first.keys() == second.keys()
    told_apart = {"repair/manifest.json", "README.md"}  # by the time and the duration
    assert all(first[name] == second[name] for name in first.keys() - told_apart)
    assert digest(load_manifest(one)) == digest(load_manifest(two))
