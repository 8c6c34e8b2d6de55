"""Repairers that a test can see through, and repairs by them."""

from __future__ import annotations

import sys

import pytest

from modelrepair import repair
from modelrepair.demo import paths
from tests.support import repairs
from tests.support.repairing import QUICK, SETS, small


@pytest.fixture
def own_repairers(tmp_path_factory, monkeypatch):
    folder = repairs.install(tmp_path_factory.mktemp("site"))
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("test_repairs", None)


@pytest.fixture
def edit(tmp_path):
    """A repair at a fixed strength, nothing measured."""

    def run(name="out", *, source=paths.attacked, repairer="back", strength=0.5, **options):
        settings = {"reference": paths.reference, "evaluate": False, **QUICK, **options}
        return repair(source, repairer=repairer, strength=strength, out=tmp_path / name, **settings)

    return run


@pytest.fixture
def few(tmp_path):
    """Small sets, so that a search is a matter of seconds."""
    folder = tmp_path / "few"
    folder.mkdir()
    return {role: small(path, folder / path.name, 40) for role, path in SETS.items()}
