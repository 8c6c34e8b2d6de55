"""Plug-ins as installed distributions: a module and its metadata in a folder on the path."""

from __future__ import annotations

import functools
import importlib
import sys
import textwrap
from pathlib import Path

import pytest

SCORER = """
from modelrepair.plugin.hookspecs import hookimpl
from modelrepair.plugin.specs import ScorerSpec

def sets(options, subject_kind):
    return {{"realign": "pairs"}}

@hookimpl
def modelrepair_scorers():
    return [ScorerSpec("{name}", "a test's scorer", load="{load}", sets=sets, api={api})]
"""


def install_into(
    folder: Path,
    distribution: str,
    code: str,
    *,
    version: str = "1.0",
    entry_point: str = "plugin",
) -> None:
    """Put a distribution with one module and one entry point into the folder."""
    module = distribution.replace("-", "_")
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(textwrap.dedent(code))
    metadata = folder / f"{module}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    )
    (metadata / "entry_points.txt").write_text(f"[modelrepair]\n{entry_point} = {module}\n")


def scorer_code(name: str, *, load: str = "nowhere:Nothing", api: int = 1) -> str:
    """A module that offers one scorer."""
    return SCORER.format(name=name, load=load, api=api)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("MODELREPAIR_PLUGINS", raising=False)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def install(site):
    return functools.partial(install_into, site)


@pytest.fixture(name="scorer_code")
def scorer_code_fixture():
    return scorer_code
