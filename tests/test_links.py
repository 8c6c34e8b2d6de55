"""Every link of every page leads to a file and a place that are there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.anchors import anchors, targets

ROOT = Path(__file__).parents[1]
CARDS = ROOT / "tests" / "kept"
"""Cards of models, which speak of files on the Hub."""


def pages() -> list[Path]:
    """Every Markdown file of the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = [ROOT / name for name in listed.stdout.split("\0") if name]
    return sorted(page for page in found if page.is_file() and not page.is_relative_to(CARDS))


PAGES = pages()


def relative(page: Path) -> list[tuple[Path, str]]:
    """The files and places that a page links to, none of the web."""
    found = [
        target.partition("#")
        for target in targets(page.read_text(encoding="utf-8"))
        if not target.startswith(("https://", "http://", "mailto:"))
    ]
    return [
        ((page.parent / unquote(path)).resolve() if path else page, place)
        for path, _, place in found
    ]


def reached(start: Path) -> set[Path]:
    """The pages that a reader of this one can come to."""
    found, left = {start}, [start]
    while left:
        linked = {path for path, _ in relative(left.pop()) if path.suffix == ".md"}
        left += linked - found
        found |= linked
    return found


def names(pages: Iterable[Path]) -> set[str]:
    """Paths from the root."""
    return {page.relative_to(ROOT).as_posix() for page in pages}


@pytest.mark.parametrize("page", PAGES, ids=sorted(names(PAGES)))
def test_every_link_leads_somewhere(page):
    for path, place in relative(page):
        assert path.exists(), path
        assert not place or place in anchors(path), f"{path.name}#{place}"


def test_the_index_links_every_page_and_the_readme_the_index():
    index = ROOT / "docs" / "index.md"
    linked = {path for path, _ in relative(index)}
    every = {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - {index}
    every |= set((ROOT / "examples").glob("*/README.md"))
    assert names(every - linked) == set()
    assert index in {path for path, _ in relative(ROOT / "README.md")}


def test_what_a_package_index_shows_of_a_plug_in_has_no_link_into_a_checkout():
    for page in (ROOT / "plugins").glob("*/README.md"):
        assert relative(page) == [], page
