"""Each module has a test file of its own name: ``tests/<folder>/test_<module>.py``."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]

WITHOUT = frozenset(
    [
        "artifact/consistency.py",
        "artifact/kinds.py",
        "artifact/mask_header.py",
        "cli/signals.py",
        "cli/summary.py",
        "engine/layout/names.py",
        "engine/passes/hooks.py",
        "evaluation/evaluate.py",
        "evaluation/panel.py",
        "examples/packed.py",
        "examples/turns.py",
        "judges/models.py",
        "judges/options.py",
        "pipeline/ahead.py",
        "pipeline/context.py",
        "pipeline/first_lines.py",
        "pipeline/repeating.py",
        "pipeline/reports.py",
        "pipeline/short_sets.py",
    ]
)
"""Modules that are tested in the files of others. This list may only shrink."""


def test_each_module_has_a_test_file_of_its_name():
    without = set()
    for path in sorted((ROOT / "modelrepair").rglob("*.py")):
        module = path.relative_to(ROOT / "modelrepair")
        tests = ROOT / "tests" / module.parent / f"test_{module.name}"
        if module.stem not in ("__init__", "__main__") and not tests.exists():
            without.add(module.as_posix())
    assert without == WITHOUT
