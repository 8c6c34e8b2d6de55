"""Which plug-ins a run works with: the scorers in the order they are tried, and the judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelrepair.bench import Chosen, Notes
from modelrepair.registry.loading import Registered
from modelrepair.registry.manager import (
    Registry,
    judge_options,
    load_registry,
    make_judge,
    repairer_options,
)
from modelrepair.registry.options import parse_options
from modelrepair.registry.specs import JudgeSpec, RepairerSpec, ScorerSpec
from modelrepair.settings import Settings

DEFAULT_SCORERS = ("wanda", "contrast")
"""What is tried, in this order, where nobody names a scorer."""


@dataclass(frozen=True)
class Plugins:
    """The plug-ins of a run by what they say of themselves; none of them is made yet."""

    scorers: tuple[tuple[Registered[ScorerSpec], Mapping[str, Any]], ...]
    registered_judge: Registered[JudgeSpec]
    repairer: Registered[RepairerSpec] | None = None

    @property
    def specs(self) -> list[ScorerSpec | RepairerSpec]:
        """What may be tried: the scorers, or the one repairer."""
        if self.repairer is not None:
            return [self.repairer.spec]
        return [registered.spec for registered, _ in self.scorers]


def scorer_names(settings: Settings) -> tuple[str, ...]:
    """The scorers that may be tried, in order: one alone where it was named or can't be compared.

    >>> scorer_names(Settings("user/model")), scorer_names(Settings("user/model", ratio=0.01))
    (('wanda', 'contrast'), ('wanda',))
    """
    if settings.scorer is not None:
        return (settings.scorer,)
    compared = settings.searches_ratio and settings.evaluate
    several = compared and settings.fallback and not settings.scorer_options
    return DEFAULT_SCORERS if several else DEFAULT_SCORERS[:1]


def find_plugins(settings: Settings, notes: Notes, registry: Registry | None = None) -> Plugins:
    """Find scorers or repairer, and judge, and read their options; torch stays out.

    >>> find_plugins(Settings("user/model"), Notes()).registered_judge.spec.name
    'keyword'

    Raises:
        UsageError: an unknown name or option.
        PluginError: the chosen plug-in was found and can't be loaded.
    """
    registry = registry or load_registry()
    judge = registry.judge(settings.judge)
    judge_options(judge, settings.judge_options)
    for failure in registry.failures:
        notes.warn(f"a plug-in was not loaded: {failure.distribution} ({failure.error})")
    if settings.repairer is not None:
        repairer = registry.repairer(settings.repairer)
        repairer_options(repairer, settings.repairer_options)
        return Plugins((), judge, repairer)
    chosen = []
    for name in scorer_names(settings):
        registered = registry.scorer(name)
        parse_options(registered.spec.options, settings.scorer_options, name)
        chosen.append((registered, settings.scorer_options))
    return Plugins(tuple(chosen), judge)


def with_judge(plugins: Plugins, settings: Settings) -> Chosen:
    """The plug-ins with the judge made, for which a model may have to be fetched.

    Raises:
        PluginError: it can't be made.
    """
    judge = make_judge(plugins.registered_judge, settings.judge_options)
    return Chosen(plugins.scorers, plugins.registered_judge, judge, plugins.repairer)
