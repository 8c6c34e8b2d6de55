"""What lies outside ``docs/`` and is made from pyproject.toml and CHANGELOG.md."""

from __future__ import annotations

import re
from pathlib import Path

from hatch_build import address, declared, released

ROOT = Path(__file__).resolve().parents[1]
PRIVATELY = "/security/advisories/new"
"""Where a repository takes reports in private."""


def project_files(root: Path = ROOT) -> dict[str, str]:
    """Each file's text by its path from the root."""
    repository = address(root)
    citation, security = (
        (root / name).read_text("utf-8") for name in ("CITATION.cff", "SECURITY.md")
    )
    version = declared(root)["project"]["version"]
    return {
        "CITATION.cff": cited(citation, version, released(root), repository),
        "SECURITY.md": reported(security, repository),
        ".github/ISSUE_TEMPLATE/config.yml": form_settings(repository),
    }


def cited(text: str, version: str, date: str | None, repository: str) -> str:
    r"""A CITATION.cff with these facts; one that is not known has no line.

    >>> print(cited("type: software\\nversion: 1", "2", "2030-01-02", ""))
    type: software
    version: 2
    date-released: 2030-01-02
    """
    facts = {"version": version, "date-released": date, "repository-code": repository}
    rest = re.sub(rf"^(?:{'|'.join(facts)}):.*\n?", "", text, flags=re.MULTILINE)
    lines = "".join(f"\n{name}: {value}" for name, value in facts.items() if value)
    return re.sub(r"^type: software$", rf"\g<0>{lines}", rest, flags=re.MULTILINE).rstrip() + "\n"


def reported(text: str, repository: str) -> str:
    """A SECURITY.md whose first sentence names the way to report."""
    way = (
        f"[by this form]({repository}{PRIVATELY})"
        if repository
        else "under *Security*, *Report a vulnerability*"
    )
    sentence = f"Report a weakness privately, not in a public issue: {way}."
    return re.sub(r"^Report a weakness privately.*$", sentence, text, count=1, flags=re.MULTILINE)


def form_settings(repository: str) -> str:
    """The settings of the issue forms, with a way to report privately where one is known."""
    lines = ["blank_issues_enabled: false"]
    if repository:
        lines += [
            "contact_links:",
            "  - name: A weakness in security",
            f"    url: {repository}{PRIVATELY}",
            "    about: Report it privately, not in an issue.",
        ]
    return "\n".join(lines) + "\n"
