"""What other code made is told apart: modelrepair's own, and that of plug-ins and files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import modelrepair
from modelrepair.preflight import plugin_code
from modelrepair_lab import used_code
from modelrepair_lab.used_code import measuring_code, repair_code

SCORER = """
class Mine:
    name, summary, sets = "mine", "mine", {{}}
    def __init__(self, options, subject_kind): self.needs = {{}}
    def score(self, view, statistics): return view.subject.abs() * {number}
"""


@pytest.fixture
def fresh():
    """What is kept in a process is forgotten before and after."""
    kept = (used_code._ours, used_code._labs, used_code._plugin)
    for each in kept:
        each.cache_clear()
    yield
    for each in kept:
        each.cache_clear()


def changed(tmp_path, monkeypatch, name) -> list[bool]:
    """A copy of modelrepair's code in which one file is another."""
    root = tmp_path / "modelrepair"
    own = Path(modelrepair.__file__).parent
    for folder in ("cli", "search", "judges"):
        (root / folder).mkdir(parents=True)
        for path in (own / folder).glob("*.py"):
            (root / folder / path.name).write_bytes(path.read_bytes())
    (root / "__init__.py").write_text("")
    monkeypatch.setattr(modelrepair, "__file__", str(root / "__init__.py"))
    used_code._ours.cache_clear()
    before = repair_code({}), measuring_code("keyword")
    with (root / name).open("a") as file:
        file.write("# changed\n")
    used_code._ours.cache_clear()
    after = repair_code({}), measuring_code("keyword")
    return [one != two for one, two in zip(before, after, strict=True)]


@pytest.mark.parametrize(
    ("name", "repairs", "measures"),
    [
        ("search/search.py", True, False),
        ("judges/keyword.py", True, True),
        ("cli/fix.py", False, False),
    ],
)
def test_the_code_that_counts(fresh, tmp_path, monkeypatch, name, repairs, measures):
    assert changed(tmp_path, monkeypatch, name) == [repairs, measures]


def test_what_makes_figures_in_the_lab_counts(fresh, tmp_path, monkeypatch):
    root = Path(used_code.__file__).parent
    for name in used_code.LAB:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((root / name).read_bytes())
    before = repair_code({}), measuring_code("keyword")
    monkeypatch.setattr(used_code, "__file__", str(tmp_path / "used_code.py"))
    used_code._labs.cache_clear()
    assert (repair_code({}), measuring_code("keyword")) == before
    (tmp_path / "figures.py").write_text("# another")
    used_code._labs.cache_clear()
    assert repair_code({}) != before[0] and measuring_code("keyword") != before[1]


def test_a_scorer_in_a_file_counts_by_its_text(fresh, tmp_path):
    path, found = tmp_path / "mine.py", []
    for number in (1, 2, 1):
        path.write_text(SCORER.format(number=number))
        used_code._plugin.cache_clear()
        found.append(repair_code({"scorer": f"{path}:Mine"}))
    assert found[0] == found[2] != found[1]


def test_a_plugin_counts_by_its_package(fresh, tmp_path, monkeypatch):
    """The repairers' package, found elsewhere with another file in it."""
    before = repair_code({"repairer": "wise-ft"}), repair_code({"scorer": "wanda"})
    package = tmp_path / "modelrepair_rivals"
    package.mkdir()
    (package / "__init__.py").write_text("")
    found = importlib.util.find_spec
    there = importlib.util.spec_from_file_location(package.name, package / "__init__.py")
    monkeypatch.setattr(
        plugin_code.importlib.util,
        "find_spec",
        lambda name: there if name == package.name else found(name),
    )
    used_code._plugin.cache_clear()
    after = repair_code({"repairer": "wise-ft"}), repair_code({"scorer": "wanda"})
    assert [one == two for one, two in zip(before, after, strict=True)] == [False, True]
    assert repair_code({"repairer": "not-installed"}) != repair_code({})
