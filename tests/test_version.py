"""The version is that of the installed package, and so are its links."""

from __future__ import annotations

import importlib.metadata

from modelrepair.errors import UsageError
from modelrepair.version import page, project_address, version
from tests.support.project_links import ADDRESS, built_with


def test_it_is_the_metadata_s():
    assert version() == importlib.metadata.version("modelrepair")


def test_a_copy_that_is_not_installed_has_none(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert version() == "0+unknown"
    monkeypatch.setattr(importlib.metadata, "metadata", missing)
    assert project_address() is None


def test_a_package_that_was_built_without_an_address_names_paths(monkeypatch):
    built_with(monkeypatch, "")
    assert (project_address(), page("docs/errors.md")) == (None, None)
    assert UsageError("no", hint="do").url == "docs/errors.md#usage"


def test_one_with_an_address_names_the_pages_of_its_version(monkeypatch):
    built_with(monkeypatch, ADDRESS)
    assert project_address() == ADDRESS
    assert page("SECURITY.md") == f"{ADDRESS}/blob/v1.2.0/SECURITY.md"
    assert UsageError("no", hint="do").url == f"{ADDRESS}/blob/v1.2.0/docs/errors.md#usage"
