"""The address is one line of pyproject.toml: what a build makes of it, and without it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.metadata.spec import get_core_metadata_constructors
from hatchling.plugin.manager import PluginManager
from readme_renderer import markdown

from hatch_build import address, revision, with_links
from tests.release import build_twice
from tests.support.anchors import anchors
from tests.support.project_links import ADDRESS

ROOT = Path(__file__).parents[2]
REF = revision(ROOT)
DESCRIBED = ("pyproject.toml", "hatch_build.py", "README.md", "CHANGELOG.md", "LICENSE")
"""What the metadata is made from."""


def set_address(root, repository):
    """Write the one line."""
    path = root / "pyproject.toml"
    text, count = re.subn(
        r'^repository = ".*"$', f'repository = "{repository}"', path.read_text(), flags=re.MULTILINE
    )
    assert count == 1
    path.write_text(text)


@pytest.fixture
def described(tmp_path):
    """The metadata of a build with this address."""
    for name in DESCRIBED:
        shutil.copy(ROOT / name, tmp_path)

    def describe(repository):
        set_address(tmp_path, repository)
        built = ProjectMetadata(str(tmp_path), PluginManager())
        return message_from_string(get_core_metadata_constructors()["2.4"](built))

    return describe


class Shown(HTMLParser):
    """Links, pictures and ids of a page."""

    def __init__(self, html):
        super().__init__()
        self.links, self.pictures, self.ids = [], [], set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.links += [found["href"]] if "href" in found else []
        self.pictures += [found["src"]] if tag == "img" else []
        self.ids |= {found[name] for name in ("id", "name") if name in found}


def shown(metadata):
    """The description as the package index shows it."""
    assert metadata["Description-Content-Type"] == "text/markdown"
    return Shown(markdown.render(metadata.get_payload()))


def of_the_web(page):
    """Its links to other pages; those to its own places are looked up."""
    own = {link for link in page.links if link.startswith("#")}
    assert own <= {f"#{each}" for each in page.ids}
    return [link for link in page.links if link not in own]


def test_without_an_address_nothing_leads_to_one(described):
    metadata = described("")
    assert metadata.get_all("Project-URL") is None
    page = shown(metadata)
    assert page.pictures == []
    assert all(re.match(r"https://arxiv\.org/", link) for link in of_the_web(page))
    assert "(docs/index.md)" in metadata.get_payload()


def test_with_one_each_link_leads_to_a_file_of_this_version(described):
    metadata = described(ADDRESS)
    assert dict(each.split(", ") for each in metadata.get_all("Project-URL")) == {
        "Repository": ADDRESS,
        "Documentation": f"{ADDRESS}/blob/{REF}/docs/index.md",
        "Changelog": f"{ADDRESS}/blob/{REF}/CHANGELOG.md",
        "Issues": f"{ADDRESS}/issues",
        "Security": f"{ADDRESS}/security/policy",
    }
    page = shown(metadata)
    links = of_the_web(page)
    assert all(link.startswith("https://") for link in links)
    own = [link for link in links if link.startswith(ADDRESS)]
    assert len(own) > 20
    for link in own:
        path, _, place = link.removeprefix(f"{ADDRESS}/blob/{REF}/").partition("#")
        assert (ROOT / path).exists(), link
        assert not place or place in anchors(ROOT / path), link
    for picture in page.pictures:
        assert (ROOT / picture.removeprefix(f"{ADDRESS}/raw/{REF}/")).is_file(), picture


@pytest.mark.parametrize(
    ("text", "plain", "whole"),
    [
        ("[a](b.md#c)", "a (b.md#c)", "[a](https://x/o/blob/v1/b.md#c)"),
        ("![a](b.svg)", "a", "![a](https://x/o/raw/v1/b.svg)"),
        ("[![a](b.svg)](c.md)", "a (c.md)", "[![a](https://x/o/raw/v1/b.svg)](https://x/o/blob/v1/c.md)"),
        ("[a](#b) [c](https://d/e) [f](mailto:g@h)",) * 3,
    ],
    ids=["link", "picture", "both", "others stay"],
)  # fmt: skip
def test_a_relative_link(text, plain, whole):
    assert with_links(text, "", "HEAD") == plain
    assert with_links(text, "https://x/o", "v1") == whole


@pytest.mark.parametrize(
    "given", ["http://x/o", "https://x", "https://x/o/", "x/o", 'https://x/"o']
)
def test_what_is_no_address_builds_nothing(tmp_path, given):
    text = f"[tool.hatch.metadata.hooks.custom]\nrepository = {json.dumps(given)}\n"
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ValueError, match="no address"):
        address(tmp_path)


def test_before_a_release_links_lead_to_the_newest_commit(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    for heading, ref in (("[1.2.0] - unreleased", "HEAD"), ("[1.2.0] - 2030-01-02", "v1.2.0")):
        (tmp_path / "CHANGELOG.md").write_text(f"## {heading}\n\n## [1.1.0] - 2029-01-02\n")
        assert revision(tmp_path) == ref


def test_no_file_names_an_address_that_is_not_in_the_one_line():
    search = [
        "git",
        "grep",
        "-hoIE",
        r"https?://[a-zA-Z0-9./_-]*modelrepair\b",
        "--",
        ":!tests/kept",
    ]
    listed = subprocess.run(search, cwd=ROOT, capture_output=True, text=True, check=True)
    examples = {ADDRESS, "https://example.org/modelrepair", "https://github.com/OWNER/modelrepair"}
    assert set(listed.stdout.split()) - {address(ROOT)} == examples


ASKED = """
import json
from modelrepair import Audit, UsageError
from modelrepair.auditing.sarif import to_sarif
driver = to_sarif([Audit("user/model", "c0ffee")])["runs"][0]["tool"]["driver"]
print(json.dumps([
    UsageError("no", hint="do").url,
    driver.get("informationUri"),
    driver["rules"][0].get("helpUri"),
]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("repository", ["", ADDRESS], ids=["without", "with"])
def test_an_installed_wheel_knows_its_address(tmp_path, repository):
    build_twice.copy_tracked(tmp_path / "tree", 1_600_000_000)
    set_address(tmp_path / "tree", repository)
    build_twice.build(tmp_path / "tree", tmp_path, ("wheel",), {})
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    command = [sys.executable, "-P", "-c", ASKED]
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": ""}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    docs = f"{repository}/blob/{REF}/docs" if repository else "docs"
    url, about, rule = json.loads(ended.stdout)
    assert url == f"{docs}/errors.md#usage"
    assert about == (repository or None)
    assert (rule or "").startswith(f"{docs}/reference/audit-rules.md#mr-") == bool(repository)
    assert repository or rule is None
