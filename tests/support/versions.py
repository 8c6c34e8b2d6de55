"""Marks of tests that compare what a version of a dependency decides."""

from __future__ import annotations

import pydantic
import pytest
from packaging.version import Version

DESCRIBED = pytest.mark.skipif(
    Version(pydantic.VERSION) < Version("2.13"),
    reason="before 2.13 pydantic leaves the docstrings of dataclasses out of a schema",
)
