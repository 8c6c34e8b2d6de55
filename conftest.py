"""Which tests are quick, here and in the packages under ``plugins/``."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import HealthCheck, settings

# The cores are shared: how long an example takes says nothing about the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("shared"), max_examples=25)
settings.load_profile("shared")


def pytest_configure(config: pytest.Config) -> None:
    """Laws are tried on fewer examples where slow tests are left out."""
    if config.option.markexpr == "not slow":
        settings.load_profile("quick")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Of a family of cases, those that ``quick`` names stay in `make test`."""
    quick = item.get_closest_marker("quick")
    if quick and not any(fnmatchcase(item.callspec.id, each) for each in quick.args):
        item.add_marker(pytest.mark.slow)
    if "repaired" in item.fixturenames:  # what takes long to make: no other worker waits for it
        item.add_marker(pytest.mark.xdist_group("repaired"))
    elif item.get_closest_marker("xdist_group") is None and _of_a_module(item):
        item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def _of_a_module(item: pytest.Item) -> bool:
    """Whether a test asks for what is made once for its module: one worker is to make it."""
    known = getattr(item, "_fixtureinfo", None)  # the examples of docstrings have none
    return known is not None and any(
        each[-1].scope == "module" for each in known.name2fixturedefs.values()
    )
