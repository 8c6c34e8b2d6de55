"""Whether a tag can be released: the version is one everywhere, and dated.

    python -m tests.release.tag v0.1.0

prints what is missing. The version is that of ``pyproject.toml``, the date that of
``CHANGELOG.md``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from docs.project_files import project_files
from hatch_build import address, declared, released

ROOT = Path(__file__).parents[2]


def problems(tag: str, root: Path = ROOT) -> list[str]:
    """What stops a release of this tag, each in one line."""
    version = declared(root)["project"]["version"]
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, pyproject.toml says {version}")
    if not address(root):
        found.append("pyproject.toml names no repository: [tool.hatch.metadata.hooks.custom]")
    if not released(root):
        found.append(f"CHANGELOG.md has no heading `## [{version}] - YEAR-MONTH-DAY`")
    found += [
        f"{name} is not current: run `make docs`"
        for name, text in project_files(root).items()
        if (root / name).read_text(encoding="utf-8") != text
    ]
    return found


def main(arguments: list[str]) -> int:
    """The exit code: 0 where the tag can be released."""
    (tag,) = arguments
    found = problems(tag)
    print("\n".join(found) or f"{tag}: one version everywhere, and dated")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
