"""What a distribution gets when it is built: its links, from the one line with the address.

``repository`` in pyproject.toml is that line. Where it is empty, the metadata has no links, and a
relative link of README.md becomes its text with the path.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = r"(?!#|[a-z][a-z+.-]*:)([^)\s]+)"
"""A link's target that only works in a checkout."""
IMAGE = re.compile(rf"!\[([^\]]*)\]\({RELATIVE}\)")
LINK = re.compile(rf"(?<!!)\[((?:!\[[^\]]*\]\([^)]*\)|[^\[\]])*)\]\({RELATIVE}\)")


class ProjectLinks(MetadataHookInterface):
    """Sets ``project.urls`` and ``project.readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling with ``[project]``; ``self.config`` is the table of this hook."""
        root = Path(self.root)
        repository = address(root)
        ref = revision(root)
        text = (root / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": with_links(text, repository, ref),
        }
        metadata["urls"] = urls(repository, ref)


def declared(root: Path) -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def address(root: Path) -> str:
    """The repository's address; empty where it is not decided.

    Raises:
        ValueError: it is none of the web.
    """
    found = str(declared(root)["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"])
    if found and not re.fullmatch(r"https://[\w.-]+(/[\w.~-]+)+", found):
        raise ValueError(f"repository in pyproject.toml is no address: {found!r}")
    return found


def released(root: Path) -> str | None:
    """The date of this version, from its heading in CHANGELOG.md; None where it is unreleased."""
    version = re.escape(declared(root)["project"]["version"])
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = re.search(rf"^## \[{version}\] - (\d{{4}}-\d\d-\d\d)$", text, re.MULTILINE)
    return heading and heading[1]


def revision(root: Path) -> str:
    """Where links lead: the version's tag; before its release, the newest commit."""
    return f"v{declared(root)['project']['version']}" if released(root) else "HEAD"


def urls(repository: str, ref: str) -> dict[str, str]:
    """The project's links, by the names that package indexes know; none without an address."""
    if not repository:
        return {}
    return {
        "Repository": repository,
        "Documentation": f"{repository}/blob/{ref}/docs/index.md",
        "Changelog": f"{repository}/blob/{ref}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
        "Security": f"{repository}/security/policy",
    }


def with_links(text: str, repository: str, ref: str) -> str:
    """Markdown whose relative links are whole; without an address, their texts and paths.

    >>> with_links("[a](b.md) ![c](d.svg)", "", "HEAD")
    'a (b.md) c'
    """
    if not repository:
        return LINK.sub(r"\1 (\2)", IMAGE.sub(r"\1", text))
    return LINK.sub(
        rf"[\1]({repository}/blob/{ref}/\2)", IMAGE.sub(rf"![\1]({repository}/raw/{ref}/\2)", text)
    )
