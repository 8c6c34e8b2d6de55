"""The order of the tests.

Each module has a test file of its own name, ``tests/<folder>/test_<module>.py``, and what test
files share is in ``tests/support``.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_module_has_a_test_file_of_its_name():
    without = set()
    for path in sorted((ROOT / "modelrepair").rglob("*.py")):
        module = path.relative_to(ROOT / "modelrepair")
        tests = ROOT / "tests" / module.parent / f"test_{module.name}"
        if module.stem not in ("__init__", "__main__") and not tests.exists():
            without.add(module.as_posix())
    assert not without


def test_no_test_file_is_imported():
    imported = re.compile(
        r"^\s*(?:(?:from|import) [\w.]*\.test_|from (?:tests[\w.]*|\.+) import .*\btest_).*$",
        re.MULTILINE,
    )
    found = {
        path.relative_to(ROOT).as_posix(): imported.findall(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "tests").rglob("*.py"))
    }
    assert "tests/test_mirror.py" in found
    assert not {path: lines for path, lines in found.items() if lines}
