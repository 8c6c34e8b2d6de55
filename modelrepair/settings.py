"""Every choice of one repair, as one record: what a manifest keeps and a resume compares."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from modelrepair.clock import seconds_of
from modelrepair.errors import UsageError
from modelrepair.examples.columns import FIELDS
from modelrepair.examples.filters import parse_filter
from modelrepair.examples.find import OWN_ANSWERS, is_name, is_path
from modelrepair.examples.hub import parse_id
from modelrepair.examples.keys import ROLES, SetKey
from modelrepair.examples.kinds import KIND_EXAMPLES
from modelrepair.examples.thoughts import parse_marks
from modelrepair.measure.budgets import Budgets
from modelrepair.presets import PRESETS, PresetName, expand
from modelrepair.publish.published import HIDDEN, is_secret
from modelrepair.registry.specs import Scope
from modelrepair.source.names import named_on_hub

KEYS = frozenset(SetKey)
PLACES = ("source", "base", "reference", "scorer")
DEFAULT_SETS: Mapping[str, str] = {
    "realign": "beavertails",
    "utility": "plain",
    "borderline": "borderline",
}
"""What a repair takes where nobody names a set."""
NONE = "none"
"""In place of a set: do without it."""
CHOICES: Mapping[str, tuple[str | None, ...]] = {
    "subject": ("auto", "factor", "delta", "weight"),
    "preset": (None, *PRESETS),
    "scope": (None, "row", "tensor", "global"),
    "arithmetic": ("float32", "bfloat16"),
}
LEAST = {"examples": 1, "max_length": 2, "max_rounds": 1, "max_new_tokens": 1, "token_budget": 1}
LEAST |= {"max_thought_tokens": 1, "max_candidates": 1, "kind_examples": 0}
LEAST |= {f"{name}_limit": 1 for name in ROLES}
TYPED = {
    "scorer_options": "--scorer-option",
    "judge_options": "--judge-option",
    "repairer_options": "--repairer-option",
}
NEGATED = {"fallback": "no-fallback", "evaluate": "no-evaluate"}


FOR_MASKS = (
    "preset",
    "scorer",
    "scorer_options",
    "scope",
    "ratio",
    "scale",
    "step",
    "protect",
    "store_values",
    "subject",
)
"""What a repairer has no use for."""


@dataclass(frozen=True)
class Settings:
    """The options of a repair; `modelrepair.repair` documents each."""

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
    realign_limit: int | None = None
    refusal_limit: int | None = None
    utility_limit: int | None = None
    borderline_limit: int | None = None
    examples: int = 256
    kind_examples: int = KIND_EXAMPLES
    max_length: int = 1024
    preset: PresetName | None = None
    scorer: str | None = None
    scorer_options: Mapping[str, Any] = field(default_factory=dict)
    repairer: str | None = None
    repairer_options: Mapping[str, Any] = field(default_factory=dict)
    strength: float | None = None
    scope: Scope | None = None
    ratio: float | Literal["auto"] | None = None
    scale: float = 0.0
    step: float | None = None
    max_rounds: int | None = None
    max_candidates: int | None = None
    max_time: str | float | None = None
    protect: float | None = None
    fallback: bool = True
    evaluate: bool = True
    judge: str = "keyword"
    judge_options: Mapping[str, Any] = field(default_factory=dict)
    also_template: tuple[str, ...] = ()
    max_new_tokens: int = 128
    max_thought_tokens: int = 1024
    thought_markers: tuple[str, ...] = ()
    budgets: Budgets = field(default_factory=Budgets)
    device: str = "auto"
    arithmetic: Literal["float32", "bfloat16"] = "float32"
    token_budget: int = 2048
    seed: int = 0
    store_values: bool = False

    @property
    def searches_ratio(self) -> bool:
        """Whether the ratio is searched for; a preset's own stands in it after `expand`.

        >>> Settings("user/model").searches_ratio, Settings("user/model", ratio=0.01).searches_ratio
        (True, False)
        """
        return self.ratio in (None, "auto")

    def to_json(self) -> dict[str, Any]:
        """All choices; paths by their last name, as a manifest may show them.

        The limit of time is none of them: two runs that it ends at the same candidate make the
        same repair, and unfinished work goes on under another limit.
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
                continue  # what it is by itself
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
        return shlex.join(words)


def check(settings: Settings) -> None:
    """Refuse what can't be meant, before anything is read.

    Raises:
        UsageError: a number out of its range, or options that exclude each other.
    """
    check_choices(settings)
    if settings.repairer is not None:
        _check_repairer(settings)
    elif settings.strength is not None or settings.repairer_options:
        raise UsageError(
            "a strength, and options of a repairer, go with a repairer",
            hint="name it with --repairer; `modelrepair repairers list` shows what there is",
        )
    ratio = expand(settings).ratio
    if ratio != "auto" and not (isinstance(ratio, int | float) and 0 < ratio < 1):
        raise UsageError(
            f"a ratio of {ratio!r}", hint="give a share between 0 and 1, such as 0.01, or 'auto'"
        )
    searches = ratio == "auto" if settings.repairer is None else settings.strength is None
    _check_time(settings, searches=searches)
    if not settings.evaluate and ratio == "auto" and settings.repairer is None:
        raise UsageError(
            "a search for the ratio needs measures",
            hint="give a number for the ratio, or evaluate",
        )
    if not 0 <= settings.scale < 1:
        raise UsageError(f"a scale of {settings.scale}", hint="0 removes, 0.75 shrinks; below 1")
    if settings.protect is not None and not 0 <= settings.protect < 1:
        raise UsageError(f"a protected share of {settings.protect}", hint="0 to below 1")
    if settings.step is not None and not 0 < settings.step < 1:
        raise UsageError(f"a step of {settings.step}", hint="a share of all entries, such as 0.01")
    if not 0 < settings.budgets.kind_level <= 0.5:
        raise UsageError(
            f"--gate-kind-level {settings.budgets.kind_level:g}", hint="above 0 and at most 0.5"
        )
    if settings.realign == NONE:
        raise UsageError(
            "a repair needs a re-alignment set",
            hint="--realign FILE: harmful prompts with harmful answers; by itself beavertails",
        )
    if settings.subject == "delta" and settings.reference == "none":
        raise UsageError(
            "a delta needs a reference", hint="name it with --reference, or use --subject weight"
        )


def _check_time(settings: Settings, *, searches: bool) -> None:
    """Refuse a limit that is no time, or where there is no search to end."""
    if settings.max_time is None:
        return
    seconds_of(settings.max_time)
    if not searches:
        named = "a strength" if settings.repairer else "a ratio"
        raise UsageError(
            f"--max-time ends a search, and {named} was named",
            hint="leave one of the two out",
        )


def _check_repairer(settings: Settings) -> None:
    """Refuse what goes with a scorer alone, and a search without measures."""
    plain = Settings(settings.source)
    for name in FOR_MASKS:
        if getattr(settings, name) not in (getattr(plain, name), "auto"):
            option = TYPED.get(name, f"--{name.replace('_', '-')}")
            raise UsageError(
                f"{option} goes with a scorer, and a repairer was named",
                hint=f"leave it out, or --repairer {settings.repairer}",
            )
    if not settings.evaluate and settings.strength is None:
        raise UsageError(
            "a search for the strength needs measures",
            hint="give a number for the strength, or evaluate",
        )


def check_choices(settings: Settings) -> None:
    """Refuse words and counts that no option takes: in Python nobody else looks at them.

    Raises:
        UsageError: an unknown word, or a count that is too small.
    """
    for name, known in CHOICES.items():
        if getattr(settings, name) not in known:
            words = ", ".join(repr(word) for word in known)
            raise UsageError(f"{name} is {getattr(settings, name)!r}", hint=f"it is one of {words}")
    for name, least in LEAST.items():
        count = getattr(settings, name)
        if count is not None and not (isinstance(count, int) and count >= least):
            raise UsageError(f"{name} is {count!r}", hint=f"a whole number, {least} or more")
    for text in settings.thought_markers:
        parse_marks(text)
    for name in ROLES:
        for text in getattr(settings, f"{name}_filter"):
            parse_filter(text)
        for key in getattr(settings, f"{name}_columns"):
            if key not in FIELDS:
                raise UsageError(
                    f"{name}_columns names {key!r}, which is no part of an example",
                    hint=f"it knows {', '.join(FIELDS)}",
                )


def short(text: str) -> str:
    """A Hub id as it is; a path by its last name.

    >>> short("user/model"), short("/data/models/mine"), short("./mine")
    ('user/model', 'mine', 'mine')
    >>> short("user/model@refs/pr/1")
    'user/model@refs/pr/1'
    """
    prefix, colon, rest = text.partition(".py:")
    if colon:
        return f"{Path(prefix).name}.py:{rest}"
    if named_on_hub(text) is None:
        return Path(text).expanduser().resolve().name
    return text


def short_set(text: str) -> str:
    """A registered name or an id on the Hub as it is; a path by its last name.

    >>> short_set("org/name:train@refs/pr/1"), short_set("self:/data/mine.jsonl")
    ('org/name:train@refs/pr/1', 'self:mine.jsonl')
    """
    if text.startswith(OWN_ANSWERS):
        return OWN_ANSWERS + short_set(text.removeprefix(OWN_ANSWERS))
    if is_name(text) or (not is_path(text) and parse_id(text) is not None):
        return text
    return Path(text).expanduser().resolve().name


def pinned(text: str, commit: str | None) -> str:
    """The id of a data set at its commit; a name or a file as it is.

    >>> pinned("self:org/name:train@main", "c0ffee"), pinned("alpaca", "c0ffee")
    ('self:org/name:train@c0ffee', 'alpaca')
    """
    id = text.removeprefix(OWN_ANSWERS)
    wanted = None if commit is None or is_name(id) or is_path(id) else parse_id(id)
    return text if wanted is None else f"{text[: len(text) - len(id)]}{wanted}@{commit}"


def short_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """A plug-in's options: a folder by its last name, and no secret.

    >>> short_options({"model": "/data/models/guard", "threshold": 0.7, "api_key": "abc"})
    {'model': 'guard', 'threshold': 0.7, 'api_key': '…'}
    """

    def shown(name: str, value: Any) -> Any:
        if isinstance(value, str) and is_secret(name):
            return HIDDEN
        return short(value) if value and isinstance(value, str) and is_path(value) else plain(value)

    return {name: shown(name, value) for name, value in options.items()}


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    return value if isinstance(value, str | int | float | bool | None) else str(value)
