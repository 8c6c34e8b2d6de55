"""The kinds of plug-ins."""

from __future__ import annotations

from modelrepair.plugin import loading
from modelrepair.plugin.registry import load_registry
from modelrepair.testing.common import COMMON
from modelrepair.testing.kinds import KINDS


def test_every_hook_is_of_one_kind():
    assert sorted(kind.hook for kind in KINDS.values()) == sorted(loading.KINDS)


def test_every_kind_begins_with_the_common_checks():
    for kind in KINDS.values():
        assert kind.checks[: len(COMMON)] == COMMON


def test_what_is_installed_is_found():
    registry = load_registry()
    installed = {
        name: {item.spec.name for item in kind.installed(registry)} for name, kind in KINDS.items()
    }
    assert {"wanda", "contrast"} <= installed["scorer"]
    assert "keyword" in installed["judge"]
    assert installed["example-set"]
    assert not installed["repairer"]
