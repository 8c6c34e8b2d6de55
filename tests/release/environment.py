"""Environments of their own for the tests: other interpreters, other versions of dependencies."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import uv

ROOT = Path(__file__).parents[2]
EXTRAS = "test,plot,audit,sign,endpoint,bench"
CONSTRAINTS = ("--constraints", "constraints.txt")
LOWEST = ("--resolution", "lowest-direct")
ONE_THREAD = {
    "OMP_WAIT_POLICY": "passive",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def variables(**more: str) -> dict[str, str]:
    """Variables for uv, which does not read pip's: folders of wheels that pip is given go along."""
    folders = {"UV_FIND_LINKS": ",".join(os.environ.get("PIP_FIND_LINKS", "").split())}
    return {**folders, **os.environ, **more}


def call(*arguments: str, **kept: object) -> subprocess.CompletedProcess[str]:
    """uv, run in the repository; its output is printed, unless it is asked for."""
    kept = {"env": variables(), **kept}
    return subprocess.run([uv.find_uv_bin(), *arguments], cwd=ROOT, text=True, **kept)  # type: ignore[call-overload, no-any-return]


def packages() -> list[str]:
    """What `make` installs: this package with its extras, and each plug-in's package."""
    plugins = sorted(
        each.parent.relative_to(ROOT) for each in ROOT.glob("plugins/*/pyproject.toml")
    )
    named = [f".[{EXTRAS}]", *(f"./{each.as_posix()}" for each in plugins)]
    return [word for each in named for word in ("--editable", each)]


def interpreter(folder: Path) -> Path:
    """The interpreter of an environment, on this system."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(folder: Path, python: str, rules: Sequence[str]) -> bool:
    """Make an environment by these rules, with what the tests need; False where it fails."""
    made = call(
        "venv", "--quiet", "--clear", "--no-python-downloads", "--python", python, str(folder)
    )
    if made.returncode:
        return False
    target = ("--python", str(interpreter(folder)))
    return not call("pip", "install", "--quiet", *target, *rules, *packages()).returncode


def resolve(python: str, rules: Sequence[str]) -> bool:
    """Print the versions that these rules give; nothing is installed."""
    extras = [word for each in EXTRAS.split(",") for word in ("--extra", each)]
    version = ("--no-python-downloads", "--python", python)
    compiled = ("pip", "compile", "--quiet", "--no-header", "--no-annotate", "pyproject.toml")
    return not call(*compiled, *version, *extras, *rules).returncode


def run_tests(folder: Path, arguments: Sequence[str]) -> bool:
    """Run pytest in an environment; False where a test fails."""
    command = [str(interpreter(folder)), "-m", "pytest", *arguments]
    print(f"{folder.name}: pytest {' '.join(arguments)}", flush=True)
    return not subprocess.run(command, cwd=ROOT, env={**os.environ, **ONE_THREAD}).returncode
