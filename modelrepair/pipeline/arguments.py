"""The arguments of the public functions, each declared once, and the settings that they are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, fields
from inspect import signature
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from modelrepair.budgets import Budgets
from modelrepair.examples.find import set_name
from modelrepair.examples.given import GivenSet
from modelrepair.examples.keys import SetKey
from modelrepair.examples.kinds import KIND_EXAMPLES
from modelrepair.pipeline.reports import RepairReport
from modelrepair.plugin.names import Scope, Unit
from modelrepair.publishing.options import PushOptions, push_options
from modelrepair.settings.presets import PresetName
from modelrepair.settings.settings import DEFAULT_SETS, KEYS, Settings
from modelrepair.source.address import canonical, named_on_hub, one_revision
from modelrepair.text.displays import Watching

Parameters = ParamSpec("Parameters")
Arguments = TypeVar("Arguments")
Result = TypeVar("Result")
Place = str | Path | Iterable[str | Path]
"""Where answers come from: the address of a server; a saved measurement, or several."""


@dataclass(frozen=True)
class RepairArguments:
    """The arguments of `modelrepair.repair`, which documents each, and of `modelrepair.plan`."""

    source: str | Path
    _: KW_ONLY
    revision: str | None = None
    base: str | Path | None = None
    merge: bool = False
    reference: str | Path = "auto"
    subject: Literal["auto", "factor", "delta", "weight"] = "auto"
    targets: str | Iterable[str] = ()
    exclude: str | Iterable[str] = ()
    allow_partial: bool = False
    include: str | Iterable[str] = ()
    realign: GivenSet = DEFAULT_SETS["realign"]
    refusal: GivenSet | None = None
    utility: GivenSet = DEFAULT_SETS["utility"]
    borderline: GivenSet = DEFAULT_SETS["borderline"]
    test_realign: GivenSet | None = None
    test_refusal: GivenSet | None = None
    test_utility: GivenSet | None = None
    test_borderline: GivenSet | None = None
    realign_filter: str | Iterable[str] = ()
    refusal_filter: str | Iterable[str] = ()
    utility_filter: str | Iterable[str] = ()
    borderline_filter: str | Iterable[str] = ()
    realign_columns: Mapping[str, str] | None = None
    refusal_columns: Mapping[str, str] | None = None
    utility_columns: Mapping[str, str] | None = None
    borderline_columns: Mapping[str, str] | None = None
    realign_limit: int | None = None
    refusal_limit: int | None = None
    utility_limit: int | None = None
    borderline_limit: int | None = None
    examples: int = 256
    kind_examples: int = KIND_EXAMPLES
    max_length: int = 1024
    preset: PresetName | None = None
    scorer: str | None = None
    scorer_options: Mapping[str, Any] | None = None
    repairer: str | None = None
    repairer_options: Mapping[str, Any] | None = None
    strength: float | None = None
    scope: Scope | None = None
    unit: Unit | None = None
    ratio: float | Literal["auto"] | None = None
    scale: float = 0.0
    step: float | None = None
    max_rounds: int | None = None
    max_candidates: int | None = None
    max_time: str | float | None = None
    protect: float | None = None
    fallback: bool = True
    evaluate: bool = True
    answer_later: bool = False
    judge: str = "keyword"
    judge_options: Mapping[str, Any] | None = None
    judge_endpoint: str | None = None
    judge_endpoint_model: str | None = None
    also_template: str | Path | Iterable[str | Path] = ()
    max_new_tokens: int = 128
    max_thought_tokens: int = 1024
    thought_markers: str | Iterable[str] = ()
    budgets: Budgets | None = None
    device: str = "auto"
    arithmetic: Literal["float32", "bfloat16"] = "float32"
    token_budget: int = 2048
    seed: int = 0
    out: str | Path | None = None
    store_values: bool = False
    restart: bool = False
    push: bool = False
    to: str | None = None
    to_revision: str | None = None
    pr: bool = False
    in_place: bool = False
    keep_other_weights: bool = False
    delete: Iterable[str] = ()
    private: bool = False
    force: bool = False
    progress: Watching = "auto"
    reported: Callable[[RepairReport], object] | None = None


@dataclass(frozen=True)
class MeasureArguments:
    """The arguments of `modelrepair.measure`."""

    model: str | Path
    _: KW_ONLY
    revision: str | None = None
    base: str | Path | None = None
    realign: GivenSet | None = None
    refusal: GivenSet | None = None
    utility: GivenSet | None = None
    borderline: GivenSet | None = None
    realign_filter: str | Iterable[str] = ()
    refusal_filter: str | Iterable[str] = ()
    utility_filter: str | Iterable[str] = ()
    borderline_filter: str | Iterable[str] = ()
    realign_columns: Mapping[str, str] | None = None
    refusal_columns: Mapping[str, str] | None = None
    utility_columns: Mapping[str, str] | None = None
    borderline_columns: Mapping[str, str] | None = None
    realign_limit: int | None = None
    refusal_limit: int | None = None
    utility_limit: int | None = None
    borderline_limit: int | None = None
    max_length: int = 1024
    judge: str = "keyword"
    judge_options: Mapping[str, Any] | None = None
    judge_endpoint: str | None = None
    judge_endpoint_model: str | None = None
    template: str | Path | None = None
    endpoint: str | None = None
    endpoint_model: str | None = None
    endpoint_at_once: int = 8
    save: str | Path | None = None
    max_new_tokens: int = 128
    max_thought_tokens: int = 1024
    thought_markers: str | Iterable[str] = ()
    device: str = "auto"
    arithmetic: Literal["float32", "bfloat16"] = "float32"
    token_budget: int = 2048
    seed: int = 0
    progress: Watching = "auto"

    @property
    def source(self) -> str | Path:
        """The model, as a repair calls it."""
        return self.model


@dataclass(frozen=True)
class DecideArguments:
    """The arguments of `modelrepair.decide`."""

    out: str | Path
    _: KW_ONLY
    before: Place
    after: Place
    reference: Place | None = None
    before_model: str | None = None
    after_model: str | None = None
    reference_model: str | None = None
    endpoint_at_once: int = 8
    realign: GivenSet | None = None
    refusal: GivenSet | None = None
    utility: GivenSet | None = None
    borderline: GivenSet | None = None
    test_realign: GivenSet | None = None
    test_refusal: GivenSet | None = None
    test_utility: GivenSet | None = None
    test_borderline: GivenSet | None = None
    base: str | Path | None = None
    judge_options: Mapping[str, Any] | None = None
    judge_endpoint: str | None = None
    judge_endpoint_model: str | None = None
    restart: bool = False
    progress: Watching = "auto"


def taking(
    arguments: Callable[Parameters, Arguments],
) -> Callable[[Callable[[Arguments], Result]], Callable[Parameters, Result]]:
    """Let a function of one record take the record's fields as its arguments.

    >>> @dataclass(frozen=True)
    ... class Two:
    ...     x: int
    ...     y: int = 2
    >>> @taking(Two)
    ... def add(given: Two) -> int:
    ...     return given.x + given.y
    >>> add(1), add(1, y=3), str(signature(add))
    (3, 4, "(x: 'int', y: 'int' = 2) -> 'int'")

    Args:
        arguments: the dataclass that declares them.
    """
    declared = signature(arguments)

    def decorate(function: Callable[[Arguments], Result]) -> Callable[Parameters, Result]:
        own = declared.replace(return_annotation=signature(function).return_annotation)

        @functools.wraps(function)
        def call(*given: Parameters.args, **named: Parameters.kwargs) -> Result:
            try:
                own.bind(*given, **named)
            except TypeError as error:
                raise TypeError(f"{function.__name__}() {error}") from None
            return function(arguments(*given, **named))

        call.__signature__ = own  # type: ignore[attr-defined]
        return call

    return decorate


def sets_of(
    given: RepairArguments | MeasureArguments | DecideArguments,
) -> dict[SetKey, GivenSet | None]:
    """The example sets among the arguments; None for each that was not given.

    >>> sets_of(MeasureArguments("user/model", realign="mine.jsonl"))[SetKey.REALIGN]
    'mine.jsonl'
    """
    return {key: getattr(given, key, None) for key in SetKey}


def settings_of(
    given: RepairArguments | MeasureArguments,
    sets: Mapping[SetKey, str | Path | None] | None = None,
) -> Settings:
    """The settings that arguments name; what is no setting, such as an output, is left out.

    >>> settings_of(RepairArguments("user/model", ratio=0.01, targets=["*q_proj*"])).targets
    ('*q_proj*',)
    >>> settings_of(RepairArguments("user/model", targets="*q_proj*")).targets
    ('*q_proj*',)

    Args:
        given: the arguments. None is the setting's own default. Where a list is meant, a single
            text is one item of it.
        sets: the example sets by name, path or id, as `rows_in_files` gives them; None where no
            set was given as rows.
    """
    arguments: dict[str, Any] = {each.name: getattr(given, each.name) for each in fields(given)}
    arguments |= {str(key): some for key, some in (sets or {}).items()}
    source = given.source
    found = {
        each.name: _frozen(arguments[each.name], several=isinstance(each.default, tuple))
        for each in fields(Settings)
        if arguments.get(each.name) is not None
    }
    name = named_on_hub(source) if isinstance(source, str) else None
    if name is not None:
        source, found["revision"] = name.id, one_revision(name, found.get("revision"))
    for key in ("base", "reference"):
        if isinstance(arguments.get(key), str):
            found[key] = canonical(found[key])
    if "also_template" in found:
        found["also_template"] = tuple(map(canonical, found["also_template"]))
    if elsewhere := judge_elsewhere(given):
        found["judge_options"] = {**found.get("judge_options", {}), **elsewhere}
    for key in KEYS & found.keys():
        if isinstance(arguments[key], str):
            found[key] = set_name(found[key])
    return Settings(**{**found, "source": str(source)})


def judge_elsewhere(
    given: RepairArguments | MeasureArguments | DecideArguments,
) -> dict[str, str]:
    """The options of a judge whose model answers elsewhere; none where it judges here.

    >>> judge_elsewhere(MeasureArguments("user/model", judge_endpoint="http://h"))
    {'endpoint': 'http://h'}
    """
    named = {"endpoint": given.judge_endpoint, "endpoint_model": given.judge_endpoint_model}
    return {name: value for name, value in named.items() if value is not None}


def pushing_of(given: RepairArguments) -> PushOptions | None:
    """Where the result is pushed; None where it is not.

    >>> pushing_of(RepairArguments("user/model", push=True, to="me/mine")).to
    'me/mine'

    Raises:
        UsageError: an option of a push, and no push, or two that exclude each other.
    """
    asked = {each.name: getattr(given, each.name) for each in fields(PushOptions)}
    return push_options(given.push, asked)


def _frozen(value: Any, several: bool) -> Any:
    """A setting as it is kept: paths as text, lists as tuples, mappings as copies."""
    if isinstance(value, (str, Path)):
        return (str(value),) if several else str(value)
    if isinstance(value, Mapping):
        return {key: str(item) if isinstance(item, Path) else item for key, item in value.items()}
    if isinstance(value, Iterable):
        return tuple(str(item) if isinstance(item, Path) else item for item in value)
    return value
