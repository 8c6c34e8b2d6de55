"""The tests, with the lowest version that pyproject.toml allows of each dependency that it names.

    python -m tests.release.lowest [--dry-run] [arguments of pytest]

makes ``.venv-lowest`` by uv's resolution ``lowest-direct`` and runs pytest in it. ``--dry-run``
prints the versions, and installs nothing.
"""

from __future__ import annotations

import sys

from tests.release import environment


def main(arguments: list[str]) -> int:
    """The exit code: 0 where the environment could be made and the tests pass."""
    if "--dry-run" in arguments:
        return 0 if environment.resolve(sys.executable, environment.LOWEST) else 1
    folder = environment.ROOT / ".venv-lowest"
    if not environment.install(folder, sys.executable, environment.LOWEST):
        return 1
    return 0 if environment.run_tests(folder, arguments) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
