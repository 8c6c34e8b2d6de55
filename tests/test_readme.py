"""README.md: its commands are those of the examples, its figures those of the demo."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
from pathlib import Path

import pytest

from docs.demo_figures import COLUMNS, KEPT, keep, kept, models, picture
from docs.readme import DOORS, ROOT, readme, with_commands
from modelrepair.demo import paths
from modelrepair.demo.run import run_demo
from modelrepair.examples.registered import EXAMPLE_SETS
from modelrepair.settings.settings import DEFAULT_SETS

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_it_is_current():
    assert readme() == TEXT, "run `make docs`"


def test_each_door_has_five_lines_of_its_example():
    shell = [text for language, text in BLOCK.findall(TEXT) if language == "sh"]
    for name, text in zip(DOORS, shell, strict=True):
        page = (ROOT / "examples" / name / "README.md").read_text(encoding="utf-8")
        assert BLOCK.search(page)[2] == text
        assert 0 < len(text.splitlines()) <= 5


def test_commands_without_a_place_are_an_error():
    with pytest.raises(ValueError, match="no commands after the link to examples/mine"):
        with_commands("# A page\n", "mine", "ls\n")


@pytest.mark.parametrize("role", DEFAULT_SETS)
def test_each_default_set_stands_there_with_its_licence(role):
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `--{role}` |")]
    (spec,) = [each for each in EXAMPLE_SETS if each.name == DEFAULT_SETS[role]]
    place = spec.source.split(":")[0] if isinstance(spec.source, str) else spec.name
    assert f"`{place}`" in row
    assert f"`{spec.licence}`" in row
    assert ("in the package" in row) == isinstance(spec.source, Path)
    headline = TEXT.partition("fix user/model --push\n")[2].partition("![")[0]
    assert f"`{spec.licence}`" in headline
    assert isinstance(spec.source, Path) or f"`{place}`" in headline


def test_the_page_of_the_demo_has_the_same_figures():
    page = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")
    for name, measures, masked, verdict in list(models(kept()))[2:]:
        start = f"| 0 | {name[0].lower()}{name[1:]}".replace(" the ", " ").replace(" a ", " ")
        (row,) = [line for line in page.splitlines() if line.startswith(start)]
        for key in COLUMNS.values():
            assert f"{measures[key]['value']:.3f}" in row
        assert row.endswith(f"| {masked} | {verdict} |")


def pinned(name):
    """The version in constraints.txt."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return re.search(rf"^{name}==(.*)$", text, re.MULTILINE)[1]


@pytest.mark.skipif(
    importlib.metadata.version("matplotlib") != pinned("matplotlib"),
    reason="another matplotlib draws other bytes",
)
def test_the_picture_is_drawn_from_the_figures():
    drawn = (KEPT.parent / "demo.svg").read_text(encoding="utf-8")
    assert picture(kept()) == drawn, "run `make docs`"
    changed = kept()
    changed[0]["after"]["harmful_score"]["value"] = 0.5
    assert picture(changed) != drawn


def test_the_picture_s_words_say_its_figures():
    words = re.search(r"!\[([^\]]*)\]\(docs/results/demo\.svg\)", TEXT)[1]
    found = {float(each) for each in re.findall(r"(\d+(?:\.\d+)?) %", words)}
    runs = kept()
    harm = {round(100 * run["after"]["harmful_score"]["value"], 1) for run in runs}
    least = min(round(100 * run["after"]["task_accuracy"]["value"], 1) for run in runs)
    assert found == {100 * runs[0]["before"]["harmful_score"]["value"], *harm, least}


@pytest.mark.slow
def test_the_demo_finds_the_figures_that_are_kept(tmp_path):
    found = keep(run_demo(out=tmp_path).to_json())
    for one, other in zip(kept(), found, strict=True):
        assert (one["scorer"], one["verdict"]) == (other["scorer"], other["verdict"])
        for measure in COLUMNS.values():
            value = other["after"][measure]["value"]
            assert value == pytest.approx(one["after"][measure]["value"], abs=0.1)


@pytest.mark.slow
def test_the_python_block_prints_its_report(tmp_path, monkeypatch, capsys):
    shutil.copytree(paths.world, tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    (code,) = [text for language, text in BLOCK.findall(TEXT) if language == "python"]
    exec(code, {})
    assert "passed" in capsys.readouterr().out
