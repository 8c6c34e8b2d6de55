"""Which plug-ins a run works with: the scorers in the order they are tried, and the judge."""

from __future__ import annotations

from modelrepair.bench import Chosen, Notes
from modelrepair.registry.manager import Registry, load_registry, make_judge, repairer_options
from modelrepair.registry.options import parse_options
from modelrepair.settings import Settings

DEFAULT_SCORERS = ("wanda", "contrast")
"""What is tried, in this order, where nobody names a scorer."""


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


def choose_plugins(settings: Settings, notes: Notes, registry: Registry | None = None) -> Chosen:
    """Find scorer and judge, and read their options.

    Raises:
        UsageError: an unknown name or option.
        PluginError: the chosen plug-in was found and can't be loaded.
    """
    registry = registry or load_registry()
    judge = registry.judge(settings.judge)
    for failure in registry.failures:
        notes.warn(f"a plug-in was not loaded: {failure.distribution} ({failure.error})")
    if settings.repairer is not None:
        repairer = registry.repairer(settings.repairer)
        repairer_options(repairer, settings.repairer_options)
        return Chosen((), judge, make_judge(judge, settings.judge_options), repairer)
    chosen = []
    for name in scorer_names(settings):
        registered = registry.scorer(name)
        parse_options(registered.spec.options, settings.scorer_options, name)
        chosen.append((registered, settings.scorer_options))
    return Chosen(tuple(chosen), judge, make_judge(judge, settings.judge_options))
