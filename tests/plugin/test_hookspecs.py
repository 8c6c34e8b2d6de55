"""The hooks that a plug-in implements: the whole contract of registration, in one file."""

from __future__ import annotations

import pytest

from modelrepair.errors import UsageError
from modelrepair.plugin.registry import load_registry


def test_hook_modelrepair_example_sets(install):
    install("set-plugin", """
        from modelrepair.plugin.hookspecs import hookimpl
        from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec

        @hookimpl
        def modelrepair_example_sets():
            yield ExampleSetSpec("house", "ours", source="us/house:train", roles=("realign",))
            yield JudgeSpec("wrong-hook", "no set", load="x:Y")
    """)  # fmt: skip
    registry = load_registry()
    found = registry.example_set("house", "realign")
    assert (found.distribution, found.spec.source) == ("set-plugin", "us/house:train")
    assert any("which is no ExampleSetSpec" in failure.error for failure in registry.failures)
    with pytest.raises(UsageError, match="'house' is no utility set: ours") as caught:
        registry.example_set("house", "utility")
    assert "alpaca" in caught.value.hint
    with pytest.raises(UsageError, match="no example set named 'hause'") as caught:
        registry.example_set("hause", "realign")
    assert "'house'" in caught.value.hint
