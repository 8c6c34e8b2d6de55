"""Documents are checked against the code: what they show exists, and the reference is current."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from modelrepair import errors
from modelrepair.cli.main import COMMANDS, run
from modelrepair.errors import ModelRepairError
from modelrepair.examples.columns import ALIASES
from modelrepair.examples.registered import EXAMPLE_SETS
from modelrepair.plugin import hookspecs
from modelrepair.plugin.judge import Exchange
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.registry import load_registry, make_judge, make_scorer
from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec, RepairerSpec, ScorerSpec

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")),
    *(ROOT / "plugins").glob("*/README.md"),
    *(ROOT / "examples").rglob("README.md"),
]
ADDED = ("lab",)
"""Commands that the packages in ``plugins/`` add."""


@pytest.fixture(scope="module")
def generator():
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "page",
    ["docs/conformance.md"]
    + [f"docs/reference/{name}.md" for name in ("cli", "lab", "api", "audit-rules")]
    + ["CITATION.cff", "SECURITY.md", ".github/ISSUE_TEMPLATE/config.yml"],
)
def test_the_reference_is_current(generator, page, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    written = (ROOT / page).read_text(encoding="utf-8")
    assert generator.pages()[page] == written, "run `make docs`"


def test_check_finds_a_stale_page(generator, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generator.main() == 0
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generator.main() == 0
    (tmp_path / "docs" / "errors.md").write_text("old")
    assert generator.main() == 1
    assert "not current: docs/errors.md;" in capsys.readouterr().err


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_shown_exists(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`modelrepair ([a-z]+)", text):
        assert name in (*COMMANDS, *ADDED), name
    reference = "".join(
        (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
        for name in ("cli.md", "lab.md")
    )
    joined = text.replace("\\\n", " ")
    for line in re.findall(r"^(?:    )?modelrepair (.+)$", joined, flags=re.MULTILINE):
        for option in re.findall(r"(?<=\s)--[a-z-]+", line):
            assert f"`{option}" in reference, option


def test_every_exception_has_its_exit_code_on_the_page():
    rows = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8").splitlines()
    for name, found in vars(errors).items():
        if isinstance(found, type) and issubclass(found, ModelRepairError):
            (row,) = [row for row in rows if row.startswith("|") and f"`{name}`" in row]
            assert row.startswith(f"| {found.exit_code} |")


SPECS = {
    "modelrepair_scorers": ("scorers", ScorerSpec),
    "modelrepair_repairers": ("repairers", RepairerSpec),
    "modelrepair_judges": ("judges", JudgeSpec),
    "modelrepair_example_sets": ("example-sets", ExampleSetSpec),
}
"""Every hook with the page that explains it, and what it gives."""


def undocumented(text: str, *described: type) -> set[str]:
    return {
        field
        for each in described
        for field in each.__dataclass_fields__
        if not re.search(rf"^\|[^|]*`{field}`[^|]*\|", text, flags=re.MULTILINE)
    }


def test_every_hook_has_a_page():
    assert {name for name in vars(hookspecs) if name.startswith("modelrepair_")} == SPECS.keys()


@pytest.mark.parametrize("hook", SPECS)
def test_every_hook_argument_and_field_has_its_lines(hook):
    page, spec = SPECS[hook]
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert f"`{hook}`" in text or f"def {hook}(" in text
    function = getattr(hookspecs, hook)
    assert "Iterable" in function.__annotations__["return"] and function.__doc__
    for argument in inspect.signature(function).parameters:
        assert f"`{argument}`" in text, argument
    assert not undocumented(text, spec)
    assert undocumented(text.replace("`summary`", "summary"), spec) == {"summary"}, "it can fail"


def test_what_a_judge_sees_is_documented():
    judges = (ROOT / "docs" / "judges.md").read_text(encoding="utf-8")
    for field in Exchange.__dataclass_fields__:
        assert f"`{field}`" in judges, field


def test_the_repairers_of_the_page_work(monkeypatch, tmp_path):
    torch = pytest.importorskip("torch")
    text = (ROOT / "docs" / "repairers.md").read_text(encoding="utf-8")
    plugin, trainer, back = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "my_plugin.py").write_text(plugin)
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict = {}
    exec("from my_plugin import *", names)
    (spec,) = names["modelrepair_repairers"]()
    made = names["Halfway"](spec.options(floor=0.5))
    view = type("View", (), {"weight": torch.zeros(1, 2), "reference": torch.ones(1, 2)})
    given = {("refusal", made.norms): {"sum": torch.tensor([4.0, 1.0])}}
    assert made.edit(view, given, 1.0).tolist() == [[1.0, 0.5]]
    exec(trainer, names)
    weight = torch.nn.Parameter(torch.zeros(1))
    asked = []

    def losses(batch):
        asked.append(batch)
        return (weight - 1).square()

    context = SimpleNamespace(
        seed=0,
        sets={"refusal": ["a", "b"]},
        parameters=[weight],
        batch=sorted,
        losses=losses,
    )
    assert list(names["Refuse"](None).train(context)) == list(range(10, 101, 10))
    assert weight.item() > 0.1 and asked == [["a", "b"]] * 100
    exec(back, names)
    context.model = torch.nn.Linear(1, 1)
    context.model.bias.requires_grad_(False)
    before = [each.item() for each in context.model.parameters()]
    context.reference = SimpleNamespace(values={"weight": torch.full((1, 1), 3.0)}.__getitem__)
    assert list(names["Back"](None).train(context)) == [1]
    after = [each.item() for each in context.model.parameters()]
    assert after == pytest.approx([(before[0] + 3) / 2, before[1]])


def test_the_page_of_sets_names_every_set_and_every_column():
    text = (ROOT / "docs" / "example-sets.md").read_text(encoding="utf-8")
    for spec in EXAMPLE_SETS:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{spec.name}` |")]
        pinned = spec.revision[:12] if spec.revision else "not pinned"
        for said in (*spec.roles, spec.licence, pinned, *spec.filter):
            assert said in (row if isinstance(spec.source, str) else f"{row} not pinned"), said
    for names in ALIASES.values():
        for name in names:
            assert f"`{name}`" in text, name


def test_the_plug_in_of_the_page_of_sets_works():
    text = (ROOT / "docs" / "example-sets.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n# my_sets\.py\n(.*?)```", text, flags=re.DOTALL)[1]
    names: dict = {"__name__": __name__, "__file__": __file__}
    exec(code, names)
    specs = list(names["modelrepair_example_sets"]())
    assert [spec.name for spec in specs] == ["house-rules", "house-prompts"]
    assert all(isinstance(spec, ExampleSetSpec) for spec in specs)


def test_the_scorer_of_the_page_works(tmp_path, capsys):
    torch = pytest.importorskip("torch")
    text = (ROOT / "docs" / "scorers.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n# mine\.py\n(.*?)```", text, flags=re.DOTALL)[1]
    file = tmp_path / "mine.py"
    file.write_text(code)
    registered = load_registry().scorer(f"{file}:Magnitude")
    scorer = make_scorer(registered, {"power": "2"}, "weight")
    view = type("View", (), {"subject": torch.tensor([[-3.0, 2.0]])})
    assert scorer.score(view, {}).tolist() == [[9.0, 4.0]]
    assert run(["scorers", "show", f"{file}:Magnitude"]) == 0
    assert "power" in capsys.readouterr().out


def test_the_judge_of_the_page_works():
    text = (ROOT / "docs" / "judges.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n# my_judge\.py\n(.*?)```", text, flags=re.DOTALL)[1]
    names: dict = {"__name__": __name__}
    exec(code, names)
    (spec,) = names["modelrepair_judges"]()
    judge = make_judge(Registered(spec, "mine", "1"), {"words": "grind"})
    answers = ("No.", "Grind and grind.", "grind it", "mix it")
    exchanges = [Exchange("harmful", "How?", answer, None) for answer in answers]
    assert list(judge.judge(exchanges)) == ["refusal", "harmful", "harmful", "harmless"]


def test_the_accumulator_of_the_page_works():
    torch = pytest.importorskip("torch")
    text = (ROOT / "docs" / "scorers.md").read_text(encoding="utf-8")
    code = re.search(
        r"```python\n(from dataclasses import dataclass\n\n\n@dataclass.*?)```",
        text,
        flags=re.DOTALL,
    )[1]
    # Dataclasses look their module up by name.
    names: dict = {"__name__": __name__}
    exec(code, names)
    batch = type("Batch", (), {"inputs": torch.tensor([[1.0, -5.0], [2.0, 3.0]])})
    accumulator = names["InputMax"]()
    assert accumulator.contribution(None, batch)["largest"].tolist() == [2.0, 5.0]
    assert hash(accumulator) == hash(names["InputMax"]())
    site = type("Site", (), {"shape": (7, 2)})
    assert accumulator.nbytes(site) == 16


def test_the_ways_through_the_house_name_what_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    ways = text.partition("## Three ways through the house")[2].partition("## Where things are")[0]
    named = re.findall(r"`([a-z_/]+\.py)`(?: \(`(\w+)`\))?", ways)
    assert len(named) > 40
    for path, name in named:
        code = (ROOT / "modelrepair" / path).read_text(encoding="utf-8")
        assert re.search(rf"^(?:def|class) {name}\b", code, re.MULTILINE) or not name, (path, name)
