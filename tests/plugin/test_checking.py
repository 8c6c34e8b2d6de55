"""What is wrong with a spec is said when it is loaded, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from modelrepair.builtin import modelrepair_example_sets, modelrepair_judges, modelrepair_scorers
from modelrepair.errors import PluginError
from modelrepair.plugin.checking import problem_of, wrong_options
from modelrepair.plugin.registry import load_registry
from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec, RepairerSpec, ScorerSpec


def sets(options, subject_kind="weight"):
    return {}


def scorer(**fields):
    return ScorerSpec("mine", "scores", load="x:Y", sets=sets, **fields)


@pytest.mark.parametrize(
    "spec",
    [*modelrepair_scorers(), *modelrepair_judges(), *modelrepair_example_sets()],
    ids=lambda spec: spec.name,
)
def test_our_own_have_no_problem(spec):
    assert problem_of(spec) is None


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (scorer(unit="block"),
         "'mine' has the unit 'block'; this modelrepair knows: entry, row, head, neuron"),
        (scorer(unit=None),
         "'mine' has the unit None; this modelrepair knows: entry, row, head, neuron"),
        (scorer(scope="model"),
         "'mine' has the scope 'model'; this modelrepair knows: row, tensor, global"),
        (scorer(api=2), "'mine' was written for plug-in interface 2, this modelrepair offers 1"),
        (scorer(options={"power": 1}),
         "'mine': its options are {'power': 1}, expected a frozen dataclass"),
        (ExampleSetSpec("mine", "s", source="a/b", roles=("harmful",)),
         "'mine' has the roles ('harmful',); there are: realign, refusal, utility, borderline"),
        (ExampleSetSpec("mine", "s", source="a/b", roles="utility"),
         "'mine' has the roles 'utility'; there are: realign, refusal, utility, borderline"),
        (JudgeSpec("mine", "s", load="x:Y", api=3),
         "'mine' was written for plug-in interface 3, this modelrepair offers 1"),
        (RepairerSpec("mine", "s", load="x:Y", sets=sets, options=int),
         "'mine': its options are <class 'int'>, expected a frozen dataclass"),
    ],
)  # fmt: skip
def test_a_field_that_can_not_be_is_named(spec, said):
    assert problem_of(spec) == said


@dataclass(frozen=True)
class Good:
    whole: int = 1
    number: float = 1
    text: str = ""
    switch: bool = False
    choice: Literal["a", 2] = 2
    maybe: float | None = None
    required: int = field(kw_only=True)
    made: str = field(default_factory=str)
    lambda_: float = 0.5


def test_options_of_every_type_are_fine():
    assert wrong_options(Good) is None


@pytest.mark.parametrize(
    ("annotation", "default", "expected"),
    [
        ("int", "1", "whole number"),
        ("int", 1.0, "whole number"),
        ("int", True, "whole number"),
        ("float", "1.5", "number"),
        ("float", None, "number"),
        ("bool", 1, "true|false"),
        ("str", 5, "text"),
        ("Literal['a', 'b']", "c", "a|b"),
        ("Literal[1, 2]", True, "1|2"),
        ("float | None", "none", "number|none"),
    ],
)
def test_a_default_of_another_type_is_named(annotation, default, expected):
    mine = dataclass(frozen=True)(
        type("Mine", (), {"__annotations__": {"power_": annotation}, "power_": default,
                          "__module__": __name__})
    )  # fmt: skip
    assert wrong_options(mine) == (
        f"its option 'power' has the default {default!r}, expected {expected}"
    )


@dataclass
class Thawed:
    power: float = 1.0


@dataclass(frozen=True)
class Listed:
    powers: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Unknown:
    power: "Nothing" = 1  # noqa: F821, UP037


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Thawed, "its options, Thawed, are no frozen dataclass"),
        (Listed, "its option 'powers' is of type list[int]; options are of int, float, str, bool, "
         "Literal, or None beside one of them"),
        (Unknown,
         "the types of its options can't be read: NameError: name 'Nothing' is not defined"),
        (Good(required=1), "expected a frozen dataclass"),
    ],
)  # fmt: skip
def test_options_that_can_not_be_read_are_named(options, said):
    assert said in wrong_options(options)


WRONG = """
    from dataclasses import dataclass
    from modelrepair.plugin import ScorerSpec, hookimpl

    @dataclass(frozen=True)
    class Options:
        power: float = "2"

    def sets(options, subject_kind):
        return {{}}

    @hookimpl
    def modelrepair_scorers():
        yield ScorerSpec("mine", "s", load="x:Y", sets=sets, {field})
        yield ScorerSpec("sound", "s", load="x:Y", sets=sets)
"""


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("options=Options", "'mine': its option 'power' has the default '2', expected number"),
        (
            "unit='block'",
            "'mine' has the unit 'block'; this modelrepair knows: entry, row, head, neuron",
        ),
    ],
)
def test_the_plug_in_is_named_and_its_other_scorer_is_there(install, field, said):
    install("wrong-scorer", WRONG.format(field=field), version="0.7", entry_point="wrong")
    registry = load_registry()
    assert registry.scorer("sound").distribution == "wrong-scorer"
    with pytest.raises(PluginError) as caught:
        registry.scorer("mine")
    assert str(caught.value).endswith(f"wrong-scorer 0.7 (wrong): {said}")
    assert caught.value.exit_code == 5
    assert registry.scorer("wanda").spec.unit == "entry"


def test_a_scorer_in_a_file_is_checked_too(tmp_path):
    (tmp_path / "mine.py").write_text("class Mine:\n    sets = {}\n    unit = 'block'\n")
    with pytest.raises(PluginError, match=r"Mine in mine\.py can't be used: 'Mine' has the unit"):
        load_registry().scorer(f"{tmp_path}/mine.py:Mine")
