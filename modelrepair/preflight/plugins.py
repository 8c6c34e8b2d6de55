"""Which plug-ins a run works with: the scorers in the order they are tried, and the judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from modelrepair.errors import UsageError
from modelrepair.evaluation.endpoint import endpoint_of
from modelrepair.plugin.judge import Judge
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.options import parse_options
from modelrepair.plugin.registry import (
    Registry,
    judge_options,
    load_registry,
    make_judge,
    repairer_options,
)
from modelrepair.plugin.specs import JudgeSpec, RepairerSpec, ScorerSpec
from modelrepair.preflight.model import Model
from modelrepair.progress import Notes
from modelrepair.settings.amount import Searched, amount_of
from modelrepair.settings.settings import Settings

DEFAULT_SCORERS = ("wanda", "contrast")
"""What is tried, in this order, where no scorer is named."""


@dataclass(frozen=True)
class Plugins:
    """The plug-ins of a run by what they say of themselves; none of them is made yet.

    ``remarks`` are about any that is installed, and for those who wrote them: shown, not recorded.
    """

    scorers: tuple[tuple[Registered[ScorerSpec], Mapping[str, Any]], ...]
    registered_judge: Registered[JudgeSpec]
    repairer: Registered[RepairerSpec] | None = None
    judge_options: Mapping[str, Any] = field(default_factory=dict)
    repairer_options: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def tried(self) -> list[tuple[ScorerSpec | RepairerSpec, Mapping[str, Any]]]:
        """What may be tried, with its options as given: the scorers, or the one repairer."""
        if self.repairer is not None:
            return [(self.repairer.spec, self.repairer_options)]
        return [(registered.spec, options) for registered, options in self.scorers]

    @property
    def specs(self) -> list[ScorerSpec | RepairerSpec]:
        """What may be tried: the scorers, or the one repairer."""
        return [spec for spec, _ in self.tried]


def scorer_names(settings: Settings) -> tuple[str, ...]:
    """The scorers that may be tried, in order: one alone where it was named or can't be compared.

    >>> scorer_names(Settings("user/model")), scorer_names(Settings("user/model", ratio=0.01))
    (('wanda', 'contrast'), ('wanda',))
    """
    if settings.scorer is not None:
        return (settings.scorer,)
    compared = isinstance(amount_of(settings), Searched) and settings.evaluate
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
    given = settings.judge_options
    _check_elsewhere(judge.spec, given)
    judge_options(judge, given)
    for failure in registry.failures:
        notes.warn(f"a plug-in was not loaded: {failure.distribution} ({failure.error})")
    remarks = tuple(registry.remarks)
    if settings.repairer is not None:
        repairer = registry.repairer(settings.repairer)
        repairer_options(repairer, settings.repairer_options)
        return Plugins((), judge, repairer, given, settings.repairer_options, remarks)
    chosen = []
    for name in scorer_names(settings):
        registered = registry.scorer(name)
        parse_options(registered.spec.options, settings.scorer_options, name)
        chosen.append((registered, settings.scorer_options))
    _check_rounds(settings, [registered.spec for registered, _ in chosen])
    return Plugins(tuple(chosen), judge, judge_options=given, remarks=remarks)


def _check_rounds(settings: Settings, specs: Sequence[ScorerSpec]) -> None:
    """Refuse steps and rounds where every scorer scores once."""
    if any(spec.iterative for spec in specs):
        return
    for name in ("step", "max_rounds"):
        if getattr(settings, name) is not None:
            other = "" if settings.preset else ", or name one that does: --scorer contrast"
            raise UsageError(
                f"--{name.replace('_', '-')} goes with a scorer that takes rounds, and "
                f"{specs[0].name} scores once",
                hint=f"leave it out{other}",
            )


def _check_elsewhere(judge: JudgeSpec, given: Mapping[str, Any]) -> None:
    """Refuse a server for a judge that asks none, and what is no address of one."""
    known = {each.name for each in fields(judge.options)} if judge.options else set()
    for name in ("endpoint", "endpoint_model"):
        if name in given and name not in known:
            raise UsageError(
                f"--judge-{name.replace('_', '-')} goes with a judge that is a model, and judge "
                f"{judge.name!r} asks no server",
                hint="leave it out, or --judge guard --judge-option model=…",
                id="plugin-option",
            )
    if judge.name == "guard" and given.get("endpoint") is not None:
        endpoint_of(str(given["endpoint"]), "any", option="--judge-endpoint")


def with_judge(plugins: Plugins) -> SelectedPlugins:
    """The plug-ins with the judge made, for which a model may have to be fetched.

    Raises:
        PluginError: it can't be made.
    """
    return SelectedPlugins(
        plugins.scorers,
        plugins.registered_judge,
        make_judge(plugins.registered_judge, plugins.judge_options),
        plugins.repairer,
        judge_options=plugins.judge_options,
        repairer_options=plugins.repairer_options,
    )


@dataclass(frozen=True)
class SelectedPlugins:
    """The plug-ins of a run: scorers in the order they are tried, or a repairer; and the judge.

    ``models`` are those that the repairer needs beside source and reference, by its names.
    """

    scorers: tuple[tuple[Registered[ScorerSpec], Mapping[str, Any]], ...]
    registered_judge: Registered[JudgeSpec]
    judge: Judge
    repairer: Registered[RepairerSpec] | None = None
    models: Mapping[str, Model] = field(default_factory=dict)
    judge_options: Mapping[str, Any] = field(default_factory=dict)
    repairer_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def judge_inputs(self) -> Mapping[str, str]:
        """What the judge's verdicts depend on beside its options, as far as it says."""
        inputs: Mapping[str, str] = getattr(self.judge, "inputs", {})
        return inputs

    @property
    def judge_notes(self) -> tuple[str, ...]:
        """What the judge says about its verdicts, one line each."""
        return tuple(map(str, getattr(self.judge, "notes", ())))
