"""The tests that transformers decides, with its newest release, whatever pyproject.toml allows.

    python -m tests.release.newest [--dry-run] [arguments of pytest]

makes ``.venv-newest`` and runs pytest in it: first the imports, each a test with the name of the
module. ``--dry-run`` prints the versions, and installs nothing.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.release import environment

FIRST = "tests/test_transformers_modules.py"


def main(arguments: list[str]) -> int:
    """The exit code: 0 where the environment could be made and the tests pass."""
    with tempfile.TemporaryDirectory() as made:
        unbounded = Path(made) / "overrides.txt"
        unbounded.write_text("transformers\n", encoding="utf-8")
        rules = ("--overrides", str(unbounded))
        if "--dry-run" in arguments:
            return 0 if environment.resolve(sys.executable, rules) else 1
        folder = environment.ROOT / ".venv-newest"
        if not environment.install(folder, sys.executable, rules):
            return 1
    if not environment.run_tests(folder, [FIRST]):
        return 1
    return 0 if not arguments or environment.run_tests(folder, arguments) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
