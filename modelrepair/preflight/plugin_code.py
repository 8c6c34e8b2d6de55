"""What a plug-in is, beyond its version: a digest of its code."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.digests import sha256_file
from modelrepair.plugin.hookspecs import PROJECT
from modelrepair.plugin.loading import OWN, Registered
from modelrepair.version import version

CODE = (".py", ".so", ".pyd")
"""Endings of Python's modules, compiled ones among them."""


def code_digest(registered: Registered[Any]) -> str:
    """The SHA-256 of a plug-in's code; our own counts by the version of this package.

    An installed distribution's modules are those that it recorded; where it is editable, or
    recorded nothing, those in the folders of the packages that it registered.

    >>> from modelrepair.plugin.registry import load_registry
    >>> code_digest(load_registry().scorer("wanda")) == version()
    True
    """
    if registered.digest is not None:
        return registered.digest
    if registered.distribution == OWN:
        return version()
    load = registered.spec.load
    module = load if isinstance(load, str) else getattr(load, "__module__", "")
    return _digest(_modules(registered.distribution, module.partition(":")[0]))


def _modules(name: str, module: str) -> Iterator[Path]:
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        yield from _in_packages([module])
        return
    if not _editable(distribution):
        recorded = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
        found = [path for path in recorded if path.suffix in CODE and path.is_file()]
        if found:
            yield from found
            return
    points = distribution.entry_points.select(group=PROJECT)
    yield from _in_packages([*(point.module for point in points), module])


def _editable(distribution: metadata.Distribution) -> bool:
    text = distribution.read_text("direct_url.json")
    try:
        return bool(text and json.loads(text)["dir_info"]["editable"])
    except (ValueError, KeyError, TypeError):
        return False


def _in_packages(modules: Iterable[str]) -> Iterator[Path]:
    """The code of the outermost packages in which modules lie."""
    for place in {_package(name) for name in modules if name} - {None}:
        assert place is not None
        if place.is_dir():
            yield from (path for path in place.rglob("*") if path.suffix in CODE)
        else:
            yield place


def _package(module: str) -> Path | None:
    """The folder of the outermost package of a module that is no mere namespace, or its file."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        spec = importlib.util.find_spec(".".join(parts[:length]))
        if spec is not None and spec.has_location and spec.origin is not None:
            origin = Path(spec.origin)
            return origin.parent if spec.submodule_search_locations is not None else origin
    return None


def _digest(paths: Iterable[Path]) -> str:
    """Of names and contents; the names below the folder that all share, so a move changes none."""
    found = sorted({path.resolve() for path in paths if path.is_file()})
    above = os.path.commonpath([path.parent for path in found]) if found else ""
    lines = [f"{sha256_file(path)}  {path.relative_to(above).as_posix()}" for path in found]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
