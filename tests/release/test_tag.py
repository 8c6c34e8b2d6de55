"""The version is that of pyproject.toml, everywhere."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.release.tag import ROOT, declared, problems

PROJECT = '[project]\nversion = "1.2.0"\n'
CITATION = "version: 1.2.0\ndate-released: 2030-01-02\n"
CHANGES = "# Changelog\n\n## 1.2.0 (2030-01-02)\n\n## 1.1.0 (2029-01-02)\n"


def test_the_citation_has_the_version_and_the_changelog_starts_with_it():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == declared()
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+) \(", changes, re.MULTILINE)[1] == declared()


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
    assert {each for each in named if each[1] != declared()} == set()


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("CITATION.cff", "1.2.0", "1.1.0", "CITATION.cff says 1.1.0, pyproject.toml 1.2.0"),
        ("CITATION.cff", "-02", "-03", "CITATION.cff has no `date-released: 2030-01-02`"),
        ("CHANGELOG.md", "(2030-01-02)", "(unreleased)", "CHANGELOG.md has no heading `## 1.2.0 ("),
        ("pyproject.toml", "1.2.0", "1.3.0", "the tag is v1.2.0, pyproject.toml says 1.3.0"),
        ("CHANGELOG.md", "none", "none", ""),
    ],
    ids=["citation", "date", "changelog", "tag", "right"],
)
def test_what_stops_a_release(tmp_path, file, old, new, said):
    texts = {"pyproject.toml": PROJECT, "CITATION.cff": CITATION, "CHANGELOG.md": CHANGES}
    texts[file] = texts[file].replace(old, new)
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = problems("v1.2.0", tmp_path)
    assert found[0].startswith(said) if said else found == []
