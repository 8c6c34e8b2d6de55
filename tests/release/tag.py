"""Whether a tag can be released: the version is one everywhere, and dated.

    python -m tests.release.tag v0.1.0

prints what is missing. The version is that of ``pyproject.toml``; ``CITATION.cff`` and
``CHANGELOG.md`` must agree with it.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def declared(root: Path = ROOT) -> str:
    """The version, from the one place that holds it."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def problems(tag: str, root: Path = ROOT) -> list[str]:
    """What stops a release of this tag, each in one line."""
    version = declared(root)
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, pyproject.toml says {version}")
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    if str(citation["version"]) != version:
        found.append(f"CITATION.cff says {citation['version']}, pyproject.toml {version}")
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = re.search(
        rf"^## {re.escape(version)} \((\d{{4}}-\d\d-\d\d)\)$", changes, re.MULTILINE
    )
    if not heading:
        found.append(f"CHANGELOG.md has no heading `## {version} (YEAR-MONTH-DAY)`")
    elif str(citation.get("date-released")) != heading[1]:
        found.append(f"CITATION.cff has no `date-released: {heading[1]}`, as CHANGELOG.md")
    return found


def main(arguments: list[str]) -> int:
    """The exit code: 0 where the tag can be released."""
    (tag,) = arguments
    found = problems(tag)
    print("\n".join(found) or f"{tag}: one version everywhere, and dated")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
