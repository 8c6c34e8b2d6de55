"""What keeps tests quick, here and in the packages under ``plugins/``."""

from __future__ import annotations

import pytest

from modelrepair.preflight import sets

REAL = sets.own_kinds
"""Of this run; several folders of tests leave it out, one within the other."""


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tests run side by side on two cores: threads of one would wait for the other's."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def no_own_kinds():
    """The package's own kinds of prompts are asked where they are the subject: each costs time."""
    patch = pytest.MonkeyPatch()
    patch.setattr(sets, "own_kinds", list)
    yield
    patch.undo()


@pytest.fixture
def own_kinds(monkeypatch):
    """The package's own kinds of prompts are asked, as for every user."""
    monkeypatch.setattr(sets, "own_kinds", REAL)
    return REAL()
