"""Digests of the code that makes a result: what other code made is no result of this one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import modelrepair
from modelrepair import ModelRepairError
from modelrepair.plugin.registry import load_registry
from modelrepair.preflight.plugin_code import code_digest
from modelrepair_lab.identity import digest

OUTSIDE = ("api", "auditing", "cli", "publishing", "testing", "verification")
"""Folders of modelrepair in which nothing is computed that a repair comes to."""
MEASURING = ("demo", "evaluation", "examples", "judges")
"""Those that decide what a model is asked, and what its answers are called."""
LAB = (
    "cells.py", "crossed_cells.py", "durability.py", "figures.py", "kept_aside/asked.py",
    "kept_aside/asking.py", "margins.py", "paper/answers.py", "paper/outside.py", "public.py",
)  # fmt: skip
"""Files of the lab that make figures of answers; its others make models, tables and pages."""
OURS = modelrepair.__name__


def repair_code(arguments: Mapping[str, Any]) -> str:
    """The digest of modelrepair's code, the lab's, and that of plug-ins that a repair names.

    It is read once in a process: what is computed with is what was imported.

    >>> repair_code({"scorer": "wanda"}) == repair_code({})
    True

    Args:
        arguments: ``scorer``, ``repairer`` and ``judge`` among them, where they are named.
    """
    return digest([_ours(None), _labs(), *_plugins(arguments, ("scorer", "repairer", "judge"))])


def measuring_code(judge: str) -> str:
    """The digest of the code that asks a model and judges it.

    >>> measuring_code("keyword") == measuring_code("keyword")
    True

    Args:
        judge: by its name.
    """
    return digest([_ours(MEASURING), _labs(), *_plugins({"judge": judge}, ("judge",))])


@cache
def _ours(folders: tuple[str, ...] | None) -> str:
    root = Path(modelrepair.__file__).parent
    parts = [path.name for path in root.iterdir() if path.is_dir()] if folders is None else folders
    inside = [path for name in {*parts} - {*OUTSIDE} for path in (root / name).rglob("*.py")]
    return _of_files([*inside, *(root.glob("*.py") if folders is None else ())])


@cache
def _labs() -> str:
    return _of_files(Path(__file__).parent / name for name in LAB)


def _plugins(arguments: Mapping[str, Any], kinds: Iterable[str]) -> list[str]:
    named = [_plugin(kind, str(arguments[kind])) for kind in kinds if arguments.get(kind)]
    return [each for each in named if each]


@cache
def _plugin(kind: str, name: str) -> str:
    """The code of a plug-in; ours is counted already."""
    try:
        registered = getattr(load_registry(), kind)(name)
    except ModelRepairError:
        return "none"  # whoever uses it says so
    return "" if registered.distribution == OURS else code_digest(registered)


def _of_files(files: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(files):
        found.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
