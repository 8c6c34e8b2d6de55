"""The list of known plug-ins: what a line may hold, and that ours are what their packages offer."""

from __future__ import annotations

import importlib
import tomllib

import pytest

from tests.support.plugins_page import FILE, HOOKS, ROOT, page, read

GOOD = """
[[plugin]]
name = "mine"
kind = "scorer"
package = "my-package"
summary = "scores by my rule"
url = "https://example.org/mine"
record = { kit = 1, version = "1.0", run = 20, passed = 19, skipped = 2 }
"""


@pytest.fixture
def listed(tmp_path):
    """A file of plug-ins with this text."""

    def write(text):
        path = tmp_path / "plugins.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_file_is_right_and_the_page_current():
    assert read()
    written = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert page() == written, "run `make docs`"


def offered(package):
    """What a package of this repository registers: (kind, name) → its spec."""
    project = tomllib.loads((ROOT / "plugins" / package / "pyproject.toml").read_text("utf-8"))
    points = project["project"]["entry-points"].get("modelrepair", {})
    modules = [importlib.import_module(module) for module in points.values()]
    return {
        (kind, spec.name): spec
        for module in modules
        for kind, hook in HOOKS.items()
        if hasattr(module, hook)
        for spec in getattr(module, hook)()
    }


@pytest.mark.parametrize("package", sorted({each.package for each in read() if each.folder}))
def test_ours_are_what_their_package_offers(package, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "plugins" / package))
    there = offered(package)
    own = {(each.kind, each.name): each for each in read() if each.package == package}
    assert sorted(own) == sorted(there), f"{FILE.name} does not list what {package} offers"
    for key, spec in there.items():
        assert (own[key].summary, own[key].url) == (spec.summary, spec.url), key


def test_a_line_of_a_third_party_is_shown(listed):
    (known,) = read(listed(GOOD))
    assert known.folder is None
    (row,) = [line for line in page(listed(GOOD)).splitlines() if "my-package |" in line]
    assert row == (
        "| [`mine`](https://example.org/mine) | my-package | scores by my rule "
        "| kit 1, version 1.0: 20 run, 19 passed, 2 skipped |"
    )


def test_the_example_of_the_page_is_right(listed):
    example = page().partition("```toml\n")[2].partition("```")[0]
    (known,) = read(listed(example))
    assert known.record is not None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', 'name = "My scorer"', "name is 'My scorer'; expected what users type"),
        ('name = "mine"\n', "", r"\(without a name\): name is missing; expected what users type"),
        ('"scorer"', '"scorers"', "kind is 'scorers'; expected one of scorer, repairer, judge"),
        ('"my-package"', '"My Package"', "package is 'My Package'; expected the package's name"),
        ("scores by my rule", "a | b", r"summary is 'a \| b'; expected one line of plain text"),
        ("scores by my rule", "x" * 101, "summary is 'x+'; expected one line"),
        ("https://", "http://", "url is 'http://example.org/mine'; expected .* https://"),
        ("https://example.org/mine", "javascript:x", "url is 'javascript:x'; expected"),
        ('url = "https://example.org/mine"\n', "", "scorer mine: url is missing; expected"),
        ("kit = 1", "kit = 0", "record.kit is 0; expected the kit's version"),
        ("run = 20", 'run = "20"', "record.run is '20'; expected how many checks ran"),
        (", skipped = 2", "", "record.skipped is missing; expected how many checks were skipped"),
        ("passed = 19", "passed = 21", "record: 21 checks passed of 20 that ran"),
        ("summary", "sumary", "'sumary' is no field; there are name, kind, package, summary"),
        ("[[plugin]]", "[plugin]", r"holds tables \[\[plugin\]\], and nothing else"),
        ("[[plugin]]", "[[plugins]]", r"holds tables \[\[plugin\]\], and nothing else"),
        ('name = "mine"', "name = mine", "plugins.toml is no TOML"),
    ],
)
def test_a_mistake_is_named(listed, old, new, message):
    assert old in GOOD
    with pytest.raises(ValueError, match=message):
        read(listed(GOOD.replace(old, new)))


def test_all_mistakes_are_named_at_once_with_their_place(listed):
    second = GOOD.replace('"scorer"', '"judges"').replace("https:", "http:")
    with pytest.raises(ValueError, match="is listed twice") as error:
        read(listed(GOOD + GOOD + second))
    lines = str(error.value).splitlines()
    assert [line.partition(";")[0] for line in lines] == [
        "plugins.toml, plug-in 3 (mine): kind is 'judges'",
        "plugins.toml, plug-in 3 (mine): url is 'http://example.org/mine'",
        "plugins.toml, the scorer mine is listed twice",
    ]


def test_one_name_may_stand_for_two_kinds(listed):
    assert len(read(listed(GOOD + GOOD.replace('"scorer"', '"judge"')))) == 2
