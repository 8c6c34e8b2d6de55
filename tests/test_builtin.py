"""Our own scorers, judges and sets, registered as any plug-in's are; nothing here imports torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelrepair.plugin.registry import load_registry
from modelrepair.scorers.options import ContrastOptions


def test_listing_imports_neither_torch_nor_transformers():
    code = (
        "import sys; from modelrepair.plugin.registry import load_registry; "
        "registry = load_registry(); "
        "[item.spec.sets(item.spec.options and item.spec.options(), 'weight')"
        " for item in registry.scorers() if item.distribution == 'modelrepair']; "
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("options", "kind", "sets"),
    [
        (ContrastOptions(), "delta", {"refusal", "utility"}),
        (ContrastOptions(), "weight", {"refusal", "utility"}),
        (ContrastOptions(eta=1.0), "delta", {"refusal", "utility", "realign"}),
        (ContrastOptions(eta=0.0), "weight", {"refusal", "utility"}),
    ],
)
def test_contrast_asks_for_harmful_answers_only_where_they_count(options, kind, sets):
    assert set(load_registry().scorer("contrast").spec.sets(options, kind)) == sets
