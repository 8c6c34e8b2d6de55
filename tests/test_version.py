"""The version is that of the installed package."""

from __future__ import annotations

import importlib.metadata

from modelrepair.version import version


def test_it_is_the_metadata_s():
    assert version() == importlib.metadata.version("modelrepair")


def test_a_copy_that_is_not_installed_has_none(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert version() == "0+unknown"
