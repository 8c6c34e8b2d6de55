"""The metadata of a package that was built with an address, or without one."""

from __future__ import annotations

import importlib.metadata
from email.message import Message

import pytest

from hatch_build import urls

ADDRESS = "https://forge.example/group/modelrepair"


def built_with(monkeypatch: pytest.MonkeyPatch, address: str, ref: str = "v1.2.0") -> None:
    """Make the installed package one that was built with this address."""
    metadata = Message()
    for name, link in urls(address, ref).items():
        metadata["Project-URL"] = f"{name}, {link}"
    monkeypatch.setattr(importlib.metadata, "metadata", lambda name: metadata)
