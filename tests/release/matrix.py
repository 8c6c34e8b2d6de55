"""The tests, with each interpreter of ours that uv finds, and the versions in constraints.txt.

    python -m tests.release.matrix [--python 3.12] [arguments of pytest]

makes ``.venv-3.12`` and its like. The last line names the interpreters that passed, that failed,
and that uv did not find; none is downloaded. ``--python`` takes one alone, and fails without it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.release import environment

VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def search_path(version: str) -> str:
    """PATH, with pyenv's interpreters first: its shims refuse each version that is not selected."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    kept = [str(each / "bin") for each in sorted(root.glob(f"versions/{version}.*"))]
    return os.pathsep.join([*kept, os.environ.get("PATH", "")])


def find(version: str) -> str | None:
    """The path of an interpreter of this version; None where uv finds none."""
    looked = ("python", "find", "--no-python-downloads", "--system", version)
    beside = environment.variables(PATH=search_path(version))
    found = environment.call(*looked, capture_output=True, env=beside)
    return found.stdout.strip() if found.returncode == 0 else None


def passes(version: str, python: str, arguments: Sequence[str]) -> bool:
    """Whether the tests pass in an environment of this interpreter."""
    folder = environment.ROOT / f".venv-{version}"
    made = environment.install(folder, python, environment.CONSTRAINTS)
    return made and environment.run_tests(folder, arguments)


def closing(outcomes: dict[str, bool | None]) -> str:
    """The last line: each version, by its outcome.

    >>> closing({"3.11": True, "3.12": False, "3.13": None})
    'passed: 3.11; failed: 3.12; not found: 3.13'
    """
    groups = {"passed": True, "failed": False, "not found": None}
    lists = {
        name: [version for version, outcome in outcomes.items() if outcome is kind]
        for name, kind in groups.items()
    }
    return "; ".join(f"{name}: {', '.join(found) or 'none'}" for name, found in lists.items())


def main(
    arguments: list[str],
    find: Callable[[str], str | None] = find,
    passes: Callable[[str, str, Sequence[str]], bool] = passes,
) -> int:
    """The exit code: 0 where one or more passed and none failed."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--python", choices=VERSIONS)
    chosen, rest = parser.parse_known_args(arguments)
    outcomes: dict[str, bool | None] = {}
    for version in (chosen.python,) if chosen.python else VERSIONS:
        python = find(version)
        outcomes[version] = passes(version, python, rest) if python else None
    print(closing(outcomes))
    return 0 if True in outcomes.values() and False not in outcomes.values() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
