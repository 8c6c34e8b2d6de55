"""`make test-lowest`: which lowest versions it says were not tried."""

from __future__ import annotations

import pytest

from tests.release.lowest import declared, untried


@pytest.mark.parametrize(
    ("line", "version", "said"),
    [
        ("click>=8.2,<9", "8.5.0", ["click 8.2 (tried: 8.5.0)"]),
        ("click>=8.2,<9", "8.2.0", []),
        ("ml_dtypes>=0.5", "0.5", []),
        ("ml_dtypes>=0.5; sys_platform == 'none'", "0.6", []),
    ],
    ids=["above", "the lowest", "the name's other form", "not on this system"],
)
def test_what_another_dependency_keeps_out_is_named(line, version, said):
    assert untried([line], {"click": version, "ml-dtypes": version}) == said


def test_the_extras_of_the_tests_count():
    assert {"torch>=2.6", "pytest>=9", "matplotlib>=3.9"} <= set(declared())
