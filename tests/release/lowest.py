"""The tests, with the lowest version that pyproject.toml allows of each dependency that it names.

    python -m tests.release.lowest [--dry-run] [arguments of pytest]

makes ``.venv-lowest`` by uv's resolution ``lowest-direct`` and runs pytest in it. The last line
names each dependency whose lowest version another one keeps out: that version was not tried.
``--dry-run`` prints the versions, and installs nothing.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.release import environment


def declared() -> list[str]:
    """What pyproject.toml asks for, with the extras that the tests need."""
    text = (environment.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = environment.EXTRAS.split(",")
    more = [line for each in extras for line in project["optional-dependencies"][each]]
    return [*project["dependencies"], *more]


def installed(folder: Path) -> dict[str, str]:
    """The versions in an environment, by the name of the package."""
    python = str(environment.interpreter(folder))
    listed = environment.call(
        "pip", "list", "--format", "json", "--python", python, capture_output=True
    )
    return {canonicalize_name(each["name"]): each["version"] for each in json.loads(listed.stdout)}


def untried(lines: Iterable[str], versions: Mapping[str, str]) -> list[str]:
    """The dependencies of which a version above the lowest is installed.

    >>> untried(["click>=8.2,<9", "rich>=13"], {"click": "8.5.0", "rich": "13.0.0"})
    ['click 8.2 (tried: 8.5.0)']
    """
    found: list[str] = []
    for asked in map(Requirement, lines):
        if asked.marker is not None and not asked.marker.evaluate():
            continue
        version = versions[canonicalize_name(asked.name)]
        found += [
            f"{asked.name} {bound.version} (tried: {version})"
            for bound in asked.specifier
            if bound.operator == ">=" and Version(bound.version) < Version(version)
        ]
    return found


def main(arguments: list[str]) -> int:
    """The exit code: 0 where the environment could be made and the tests pass."""
    if "--dry-run" in arguments:
        return 0 if environment.resolve(sys.executable, environment.LOWEST) else 1
    folder = environment.ROOT / ".venv-lowest"
    if not environment.install(folder, sys.executable, environment.LOWEST):
        return 1
    passed = environment.run_tests(folder, arguments)
    above = ", ".join(untried(declared(), installed(folder))) or "none"
    print(f"{'passed' if passed else 'failed'}; lowest versions that were not tried: {above}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
