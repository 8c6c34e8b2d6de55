"""Every choice of one repair, as one record: what a manifest keeps and a resume compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from annotated_types import Interval

from modelrepair.budgets import Budgets
from modelrepair.examples.keys import SetKey
from modelrepair.examples.kinds import KIND_EXAMPLES
from modelrepair.plugin.names import Scope, Unit
from modelrepair.settings.presets import PresetName
from modelrepair.settings.short_names import pinned, plain, short, short_options, short_set
from modelrepair.text.pasted import pasted_anywhere

KEYS = frozenset(SetKey)
PLACES = ("source", "base", "reference", "scorer")
DEFAULT_SETS: Mapping[str, str] = {
    "realign": "beavertails",
    "utility": "plain",
    "borderline": "borderline",
}
"""What a repair takes where no set is named."""
NONE = "none"
"""In place of a set: do without it."""
TYPED = {
    "scorer_options": "--scorer-option",
    "judge_options": "--judge-option",
    "repairer_options": "--repairer-option",
}
Arithmetic = Literal["float32", "bfloat16"]
Count = Annotated[int, Interval(ge=1)]
Share = Annotated[float, Interval(ge=0, lt=1)]
OpenShare = Annotated[float, Interval(gt=0, lt=1)]
NEGATED = {"fallback": "no-fallback", "evaluate": "no-evaluate"}


@dataclass(frozen=True)
class Settings:
    """The options of a repair; `modelrepair.repair` documents each.

    Type, range and words of each are declared here; `declared` gives them to the check and to the
    command line.
    """

    source: str
    revision: str | None = None
    base: str | None = None
    merge: bool = False
    reference: str = "auto"
    subject: Literal["auto", "factor", "delta", "weight"] = "auto"
    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    allow_partial: bool = False
    include: tuple[str, ...] = ()
    realign: str = DEFAULT_SETS["realign"]
    refusal: str | None = None
    utility: str = DEFAULT_SETS["utility"]
    borderline: str = DEFAULT_SETS["borderline"]
    test_realign: str | None = None
    test_refusal: str | None = None
    test_utility: str | None = None
    test_borderline: str | None = None
    realign_filter: tuple[str, ...] = ()
    refusal_filter: tuple[str, ...] = ()
    utility_filter: tuple[str, ...] = ()
    borderline_filter: tuple[str, ...] = ()
    realign_columns: Mapping[str, str] = field(default_factory=dict)
    refusal_columns: Mapping[str, str] = field(default_factory=dict)
    utility_columns: Mapping[str, str] = field(default_factory=dict)
    borderline_columns: Mapping[str, str] = field(default_factory=dict)
    realign_limit: Count | None = None
    refusal_limit: Count | None = None
    utility_limit: Count | None = None
    borderline_limit: Count | None = None
    examples: Count = 256
    kind_examples: Annotated[int, Interval(ge=0)] = KIND_EXAMPLES
    max_length: Annotated[int, Interval(ge=2)] = 1024
    preset: PresetName | None = None
    scorer: str | None = None
    scorer_options: Mapping[str, Any] = field(default_factory=dict)
    repairer: str | None = None
    repairer_options: Mapping[str, Any] = field(default_factory=dict)
    strength: float | None = None
    scope: Scope | None = None
    unit: Unit | None = None
    ratio: OpenShare | Literal["auto"] | None = None
    scale: Share = 0.0
    step: OpenShare | None = None
    max_rounds: Count | None = None
    max_candidates: Count | None = None
    max_time: str | float | None = None
    protect: Share | None = None
    fallback: bool = True
    evaluate: bool = True
    answer_later: bool = False
    judge: str = "keyword"
    judge_options: Mapping[str, Any] = field(default_factory=dict)
    also_template: tuple[str, ...] = ()
    max_new_tokens: Count = 128
    max_thought_tokens: Count = 1024
    thought_markers: tuple[str, ...] = ()
    budgets: Budgets = field(default_factory=Budgets)
    device: str = "auto"
    arithmetic: Arithmetic = "float32"
    token_budget: Count = 2048
    seed: int = 0
    store_values: bool = False

    @property
    def answers(self) -> bool:
        """Whether models answer prompts during the repair.

        >>> Settings("user/model").answers, Settings("user/model", answer_later=True).answers
        (True, False)
        """
        return self.evaluate and not self.answer_later

    def to_json(self) -> dict[str, Any]:
        """All choices; paths by their last name, as a manifest may show them.

        The limit of time is none of them: two runs that it ends at the same candidate make the
        same repair, and unfinished work resumes under another limit.
        """
        shown: dict[str, Any] = {}
        for each in fields(self):
            if each.name == "max_time":
                continue
            value = getattr(self, each.name)
            if isinstance(value, Budgets):
                value = dict(vars(value))
            elif each.name in KEYS and value is not None:
                value = short_set(value)
            elif each.name in PLACES and value is not None:
                value = short(value)
            elif each.name in TYPED:
                value = short_options(value)
            elif each.name == "also_template":
                value = [short(text) for text in value]
            elif isinstance(value, Mapping):
                value = {name: plain(item) for name, item in value.items()}
            elif isinstance(value, tuple):
                value = list(value)
            shown[each.name] = value
        return shown

    def command(self, commits: Mapping[SetKey, str] | None = None) -> str:
        """The command that asks for the same repair, from ids and file names, never from paths.

        Manifest, card and commit keep it: people on other systems paste it.

        >>> Settings("user/model", realign="/data/harmful.jsonl", ratio=0.01).command()
        'modelrepair fix user/model --realign harmful.jsonl --ratio 0.01'
        >>> Settings("user/model", utility="org/name:train").command({SetKey.UTILITY: "c0ffee"})
        'modelrepair fix user/model --utility org/name:train@c0ffee'

        Args:
            commits: set → what the revision of its data set on the Hub was found to be.
        """
        words = ["modelrepair", "fix", short(self.source)]
        for each in fields(self)[1:]:
            value = getattr(self, each.name)
            if each.name == "ratio" and value == "auto" and self.preset is None:
                continue  # the default
            if each.name == "max_time":
                continue  # no clock repeats a repair: its rounds and candidates do
            name = f"--{each.name.replace('_', '-')}"
            if isinstance(value, Budgets):
                for budget in fields(value):
                    number = getattr(value, budget.name)
                    if number != budget.default:
                        words += [f"--gate-{budget.name.replace('_', '-')}", str(number)]
            elif each.name in TYPED:
                for option, given in short_options(value).items():
                    words += [TYPED[each.name], f"{option}={given}"]
            elif value == each.default or value is None or value == {}:
                continue
            elif isinstance(value, Mapping):
                words += [name, ",".join(f"{key}={column}" for key, column in value.items())]
            elif isinstance(value, tuple):
                for item in value:
                    words += [name, short(item) if each.name == "also_template" else item]
            elif isinstance(value, bool):
                words.append(f"--{NEGATED[each.name]}" if each.name in NEGATED else name)
            elif each.name in KEYS:
                key = SetKey(each.name)
                words += [key.option, pinned(short_set(value), (commits or {}).get(key))]
            elif each.name in PLACES:
                words += [name, short(value)]
            else:
                words += [name, str(value)]
        return pasted_anywhere(words)
