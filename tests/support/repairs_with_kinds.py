"""A tiny repair whose report asked for kinds of benign prompts."""

from __future__ import annotations

import pytest

from tests.support.small_repairs import WITH_KINDS, Made, make_repair


@pytest.fixture(name="untouched", scope="module")
def untouched_fixture(tmp_path_factory) -> Made:
    return make_repair(tmp_path_factory.mktemp("kinds"), measured=WITH_KINDS)
