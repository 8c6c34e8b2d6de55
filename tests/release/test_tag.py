"""The version is that of pyproject.toml, everywhere; its date that of the changelog."""

from __future__ import annotations

import re

import pytest
import yaml

from docs.project_files import cited
from hatch_build import declared, released
from tests.release.tag import ROOT, problems
from tests.support.project_links import ADDRESS

VERSION = declared(ROOT)["project"]["version"]
USERS = ["Publishers", "Authors of plug-ins", "Maintainers"]
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""Of Keep a Changelog."""
PRIVATELY = "Report a weakness privately, not in a public issue:"
FILES = {
    "pyproject.toml": f"""
[project]
version = "1.2.0"
[tool.hatch.metadata.hooks.custom]
repository = "{ADDRESS}"
""",
    "CHANGELOG.md": "# Changelog\n\n## [1.2.0] - 2030-01-02\n\n## [1.1.0] - 2029-01-02\n",
    "CITATION.cff": f"""type: software
version: 1.2.0
date-released: 2030-01-02
repository-code: {ADDRESS}
""",
    "SECURITY.md": f"""# Security

{PRIVATELY} [by this form]({ADDRESS}/security/advisories/new).
""",
    ".github/ISSUE_TEMPLATE/config.yml": f"""blank_issues_enabled: false
contact_links:
  - name: A weakness in security
    url: {ADDRESS}/security/advisories/new
    about: Report it privately, not in an issue.
""",
}
"""A repository that can be released as v1.2.0."""


def test_the_changelog_has_its_form_and_starts_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    title, *versions = re.split(r"^## ", text, flags=re.MULTILINE)
    assert title.startswith("# Changelog\n")
    assert versions[0].startswith(f"[{VERSION}] - ")
    for each in versions:
        assert re.match(r"\[\d+\.\d+\.\d+\] - (unreleased|\d{4}-\d\d-\d\d)\n", each)
        to_do, *kinds = re.split(r"^### ", each, flags=re.MULTILINE)
        assert re.findall(r"^- \*\*(.*?)\*\*: ", to_do, re.MULTILINE) == USERS
        assert {kind.split("\n")[0] for kind in kinds} <= KINDS


def test_the_citation_has_the_version_and_no_date_before_there_is_one():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    date = citation.get("date-released")
    assert (citation["version"], date and str(date)) == (VERSION, released(ROOT))


def test_a_fact_that_is_no_longer_known_leaves_the_citation():
    dated = cited("type: software\nlicense: x", "1.2.0", "2030-01-02", ADDRESS)
    assert yaml.safe_load(dated).keys() == {
        *("type", "version", "date-released", "repository-code", "license")
    }
    assert cited(dated, "1.3.0", None, "") == "type: software\nversion: 1.3.0\nlicense: x\n"


def test_the_docs_name_no_other_version():
    pages = {*(ROOT / "docs").glob("*.md"), ROOT / "README.md"}
    pages.remove(ROOT / "docs" / "errors.md")  # its examples are of other versions on purpose
    named = {
        (page.name, version)
        for page in pages
        for version in re.findall(
            r"modelrepair(?:==| |-)(\d+\.\d+\.\d+)\b", page.read_text(encoding="utf-8")
        )
    }
    assert {each for each in named if each[1] != VERSION} == set()


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("CITATION.cff", "1.2.0", "1.1.0", ["CITATION.cff is not current: run `make docs`"]),
        ("CITATION.cff", "-02", "-03", ["CITATION.cff is not current: run `make docs`"]),
        ("SECURITY.md", "forge", "other", ["SECURITY.md is not current: run `make docs`"]),
        (
            ".github/ISSUE_TEMPLATE/config.yml",
            "forge",
            "other",
            [".github/ISSUE_TEMPLATE/config.yml is not current: run `make docs`"],
        ),
        (
            "CHANGELOG.md",
            "2030-01-02",
            "unreleased",
            [
                "CHANGELOG.md has no heading `## [1.2.0] - YEAR-MONTH-DAY`",
                "CITATION.cff is not current: run `make docs`",
            ],
        ),
        (
            "pyproject.toml",
            "1.2.0",
            "1.1.0",
            [
                "the tag is v1.2.0, pyproject.toml says 1.1.0",
                "CITATION.cff is not current: run `make docs`",
            ],
        ),
        (
            "pyproject.toml",
            ADDRESS,
            "",
            [
                "pyproject.toml names no repository: [tool.hatch.metadata.hooks.custom]",
                *(f"{name} is not current: run `make docs`" for name in list(FILES)[2:]),
            ],
        ),
        ("CHANGELOG.md", "none", "none", []),
    ],
    ids=["citation", "date", "security", "form", "changelog", "tag", "address", "right"],
)
def test_what_stops_a_release(tmp_path, file, old, new, said):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        text = text.replace(old, new) if name == file else text
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert problems("v1.2.0", tmp_path) == said
