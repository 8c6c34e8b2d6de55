"""Stage 6: what a model answers, measured, with its base's answers to the same prompts beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from modelrepair.auditing.behaviour.differences import differences
from modelrepair.auditing.context import Context
from modelrepair.auditing.once import once
from modelrepair.auditing.opened import Opened
from modelrepair.errors import InconclusiveError, ModelRepairError
from modelrepair.evaluation.measures import Measure, Measures, figures_of, summarise
from modelrepair.evaluation.results import ExampleResult, Pair, paired
from modelrepair.evaluation.standing import broken, broken_line
from modelrepair.examples.find import is_path, set_name
from modelrepair.plugin.loading import ours_alone
from modelrepair.progress import Notes
from modelrepair.settings.settings import DEFAULT_SETS, NONE, Settings
from modelrepair.source.resolve import Source

if TYPE_CHECKING:
    from modelrepair.evaluation.endpoint import Endpoint
    from modelrepair.pipeline.measure import Measured

EXAMPLES = 256
"""Prompts of each set that are asked by default: as many as a repair reports on."""
_ONE = Lock()
"""Of many models, one is measured at a time: each may take all of a device's memory."""


@dataclass(frozen=True)
class Measuring:
    """What models are measured with.

    >>> Measuring(judge="demo-world", utility="none").sets
    ('beavertails', 'borderline')

    Args:
        realign: harmful prompts: a set as `modelrepair.measure` takes it, or ``"none"``.
        utility: benign prompts with good answers, likewise.
        borderline: benign prompts that look harmful, likewise.
        examples: the most prompts of each set, its first ones.
        judge: one of the package's own: no plug-in of others runs in an audit.
        judge_options: of it.
        max_new_tokens: length of an answer.
        max_thought_tokens: length of a thought before it; one that never ends is no answer.
        device: where models here are computed.
        endpoint: address of what answers for the model under audit; never for its base.
        endpoint_model: what that server calls the model.
        endpoint_at_once: requests under way together.
    """

    realign: str | Path = DEFAULT_SETS["realign"]
    utility: str | Path = DEFAULT_SETS["utility"]
    borderline: str | Path = DEFAULT_SETS["borderline"]
    examples: int = EXAMPLES
    judge: str = "keyword"
    judge_options: Mapping[str, Any] = field(default_factory=dict)
    max_new_tokens: int = 128
    max_thought_tokens: int = 1024
    device: str = "auto"
    endpoint: str | None = None
    endpoint_model: str | None = None
    endpoint_at_once: int = 8

    @property
    def sets(self) -> tuple[str, ...]:
        """The names of the sets that are measured, files by their last name."""
        named = (str(self.realign), str(self.utility), str(self.borderline))
        return tuple(Path(each).name if is_path(each) else each for each in named if each != NONE)

    @property
    def behind(self) -> Endpoint | None:
        """The endpoint; None where the model answers here.

        Raises:
            UsageError: it is no address, or holds a secret.
        """
        from modelrepair.evaluation.endpoint import endpoint_or_none

        return endpoint_or_none(self.endpoint, self.endpoint_model, self.endpoint_at_once)

    def settings(self, model: Opened, base: str | None = None) -> Settings:
        """The settings of one model's measurement.

        Args:
            model: which.
            base: what it adapts, where it is an adapter and the user named that.
        """
        return Settings(
            source=str(model.source.folder.resolve()) if model.here else model.name,
            revision=model.source.commit,
            base=base,
            realign=set_name(str(self.realign)),
            utility=set_name(str(self.utility)),
            borderline=set_name(str(self.borderline)),
            realign_limit=self.examples,
            utility_limit=self.examples,
            borderline_limit=self.examples,
            judge=self.judge,
            judge_options=self.judge_options,
            max_new_tokens=self.max_new_tokens,
            max_thought_tokens=self.max_thought_tokens,
            device=self.device,
        )

    def check(self) -> None:
        """Read the sets and make the judge once, before a model is looked at.

        Raises:
            UsageError: a set or the judge can't be used, or the package for endpoints is missing.
            HubError: a set on the Hub can't be had.
        """
        from modelrepair.evaluation.endpoint import client_of
        from modelrepair.preflight.named_sets import named_sets
        from modelrepair.preflight.plugins import find_plugins
        from modelrepair.preflight.sets import load_whole_sets
        from modelrepair.settings.checks import check_choices

        nothing = Opened("", Source(None, None, Path(), ""), {})
        settings = self.settings(nothing)
        check_choices(settings)
        with ours_alone():
            find_plugins(settings, Notes())
            load_whole_sets(named_sets(settings), Notes())
        if (endpoint := self.behind) is not None:
            client_of(endpoint).close()

    def to_json(self) -> dict[str, Any]:
        """As the head of a state file has it; no key is part of it."""
        paths = {key: str(value) for key, value in vars(self).items() if isinstance(value, Path)}
        return {**asdict(self), **paths}


@dataclass(frozen=True)
class Behaviour:
    """What was measured of the model under audit, and of its base.

    Args:
        model: of the model.
        base: of its base; None where none is known or it can't be measured.
        no_base: why there is none.
        pairs: base and model on the same prompts, in this order.
    """

    model: Measured
    base: Measured | None
    no_base: str
    pairs: tuple[Pair, ...]

    @property
    def measures(self) -> Measures:
        """Of the model."""
        return summarise(self.model.results, self.model.judge.name)

    @property
    def differences(self) -> dict[str, Measure]:
        """By how much the model's measures are above its base's, on the same prompts."""
        return differences(self.pairs)

    def to_json(self) -> dict[str, Any]:
        """The figures of both, with their intervals, and of their paired differences."""
        served, base = self.model.served, self.base
        return {
            "model": self.measures.to_json(),
            "base": None if base is None else summarise(base.results, base.judge.name).to_json(),
            "differences": {name: each.to_json() for name, each in self.differences.items()},
            "no_base": self.no_base or None,
            "endpoint": None if served is None else served.to_json(),
            "warnings": list(self.model.warnings),
        }


def behaviour(context: Context) -> Behaviour:
    """What the model answers; measured once for all rules that read it.

    Args:
        context: the model under audit.

    Raises:
        InconclusiveError: it was not asked for.
        ModelRepairError: the model can't be measured.
    """
    return once(context, _behaviour)


def _behaviour(context: Context) -> Behaviour:
    asked = context.measuring
    if asked is None:
        raise InconclusiveError("it is not measured", hint="ask for it with --measure")
    from modelrepair.pipeline.measure import measure_model

    adapted = context.base if context.target.is_adapter else None
    settings = asked.settings(context.target, _named(adapted, context.base_from))
    with _ONE, ours_alone():
        progress = context.progress
        with progress.step(context.target.name) as said:
            model = measure_model(settings, progress, endpoint=asked.behind)
            said.found(**figures_of(model.results))
        if context.base is None:
            return Behaviour(model, None, context.no_base, ())
        try:
            with progress.step(f"the base {context.base.name}") as said:
                base = measure_model(asked.settings(context.base), progress)
                said.found(**figures_of(base.results))
        except ModelRepairError as error:
            return Behaviour(model, None, f"the base can't be measured: {error}", ())
    if found := broken(base.results):
        why = f"the base can't be judged: {broken_line(base.results, found)}"
        return Behaviour(model, None, why, ())
    return Behaviour(model, base, "", tuple(pairs_of(base, model)))


def _named(base: Opened | None, base_from: str) -> str | None:
    """A base that the user named, as a setting; what a file names, is found from there again."""
    if base is None or base_from != "--base":
        return None
    return str(base.source.folder.resolve()) if base.here else base.name


def pairs_of(first: Measured, second: Measured) -> list[Pair]:
    """The results of both on the prompts that both were asked.

    A template may refuse a prompt that the other takes: it is left out on both sides.

    Args:
        first: of one model.
        second: of another.
    """
    one, two = _keyed(first), _keyed(second)
    shared = sorted(one.keys() & two.keys())
    # The place among the shared prompts is one that both have.
    return paired(
        *(
            [replace(some[key], index=place) for place, key in enumerate(shared)]
            for some in (one, two)
        )
    )


def _keyed(measured: Measured) -> dict[tuple[str, str], ExampleResult]:
    """Results by set and digest."""
    digests: Mapping[str, Sequence[str]] = dict(measured.prompts.items())
    return {(each.set, digests[each.set][each.index]): each for each in measured.results}
