"""The registry: which scorers and judges there are, who offers each, and how one is made."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from modelrepair.errors import ModelRepairError, PluginError, UsageError
from modelrepair.plugin.file_scorers import is_file_scorer, scorer_from_file
from modelrepair.plugin.hooks import deprecations
from modelrepair.plugin.judge import Judge
from modelrepair.plugin.loading import (
    VARIABLE,
    Found,
    Plugin,
    PluginFailure,
    Registered,
    Spec,
    find_plugins,
    normalised,
)
from modelrepair.plugin.names import Options, SetName, SubjectKind
from modelrepair.plugin.options import parse_options
from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec, RepairerSpec, ScorerSpec

if TYPE_CHECKING:
    from modelrepair.plugin.repairer import SiteRepairer, TrainingRepairer
    from modelrepair.plugin.scorer import Scorer


@dataclass(frozen=True)
class Registry:
    """What `load_registry` found; asking for a name is where problems become errors.

    >>> registry = load_registry()
    >>> registry.scorer("wanda").distribution
    'modelrepair'
    """

    found: Found

    def scorers(self) -> list[Registered[ScorerSpec]]:
        """All scorers, also those that clash."""
        return list(self.found.scorers)

    def judges(self) -> list[Registered[JudgeSpec]]:
        """All judges, also those that clash."""
        return list(self.found.judges)

    def repairers(self) -> list[Registered[RepairerSpec]]:
        """All repairers, also those that clash."""
        return list(self.found.repairers)

    @property
    def plugins(self) -> list[Plugin]:
        """All entry points: active, blocked and failed."""
        return list(self.found.plugins)

    @property
    def remarks(self) -> list[str]:
        """What the authors of plug-ins should change: slow imports, and what is deprecated."""
        return [
            f"plug-in {plugin.distribution} {plugin.version} ({plugin.entry_point}): {remark}"
            for plugin in self.found.plugins
            for remark in plugin.remarks
        ]

    @property
    def failures(self) -> list[PluginFailure]:
        """What could not be loaded, and why."""
        return list(self.found.failures)

    def scorer(self, name: str) -> Registered[ScorerSpec]:
        """The scorer of this name, or the one in ``path/file.py:Class``.

        Raises:
            UsageError: no plug-in offers it, or two do.
            PluginError: the plug-in that offers it could not be loaded.
        """
        if is_file_scorer(name):
            return scorer_from_file(name)
        return self._one("scorer", name, self.found.scorers)

    def judge(self, name: str) -> Registered[JudgeSpec]:
        """The judge of this name; Raises as `scorer`."""
        return self._one("judge", name, self.found.judges)

    def repairer(self, name: str) -> Registered[RepairerSpec]:
        """The repairer of this name; Raises as `scorer`."""
        return self._one("repairer", name, self.found.repairers)

    def example_set(self, name: str, role: SetName) -> Registered[ExampleSetSpec]:
        """The example set of this name, to be used in this role; Raises as `scorer`."""
        found = self._one("example set", name, self.found.example_sets)
        if role not in found.spec.roles:
            fitting = sorted(
                {item.spec.name for item in self.found.example_sets if role in item.spec.roles}
            )
            raise UsageError(
                f"the example set {name!r} is no {role} set: {found.spec.summary}",
                hint=f"for --{role} there are: {', '.join(fitting) or 'none'}",
            )
        return found

    def _one(self, kind: str, name: str, offered: Iterable[Registered[Spec]]) -> Registered[Spec]:
        matches = [item for item in offered if item.spec.name == name]
        if len(matches) == 1:
            return matches[0]
        if matches:
            who = " and ".join(f"{item.distribution} {item.version}" for item in matches)
            raise UsageError(
                f"{len(matches)} plug-ins offer a {kind} named {name!r}: {who}",
                hint=f"uninstall one, or name the plug-ins to load in {VARIABLE}",
            )
        for failure in self.found.failures:
            if _may_offer(failure, name):
                raise PluginError(
                    f"the plug-in that offers {name!r} could not be loaded: {failure}",
                    hint="repair or update it; `--debug` shows its traceback",
                    id="plugin-not-loaded",
                ) from failure.exception
        raise UsageError(
            f"no {kind} named {name!r}", hint=self._hint(name, offered), id="unknown-name"
        )

    def _hint(self, name: str, offered: Iterable[Registered[Spec]]) -> str:
        names = sorted({item.spec.name for item in offered})
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"there are: {', '.join(names) or 'none'}"
        )
        unusable = [plugin for plugin in self.found.plugins if plugin.status != "active"]
        if unusable:
            listed = ", ".join(f"{plugin.distribution} ({plugin.status})" for plugin in unusable)
            hint += f"; not loaded: {listed}, see `modelrepair plugins list`"
        return hint


def load_registry() -> Registry:
    """Find and load the plug-ins of this environment, now.

    >>> sorted(item.spec.name for item in load_registry().scorers()
    ...        if item.distribution == "modelrepair")
    ['contrast', 'gradient', 'magnitude', 'wanda']
    """
    return Registry(find_plugins())


def make_scorer(
    registered: Registered[ScorerSpec], options: Mapping[str, object], subject_kind: SubjectKind
) -> Scorer:
    """The scorer itself, with its options read; here its module is imported.

    >>> make_scorer(load_registry().scorer("wanda"), {"norm": "mean"}, "weight")  # doctest: +SKIP
    <modelrepair.scorers.wanda.Wanda ...>

    Raises:
        UsageError: an unknown option or a value that doesn't fit.
        PluginError: its module or its class fails.
    """
    spec = registered.spec
    parsed = parse_options(spec.options, options, spec.name)
    scorer: Scorer = _made("scorer", registered, parsed, subject_kind)
    for attribute in ("needs", "score"):
        if not hasattr(scorer, attribute):
            problem = TypeError(f"{type(scorer).__name__} has no {attribute!r}")
            raise _failed("scorer", registered, problem)
    return scorer


def make_repairer(
    registered: Registered[RepairerSpec], options: Mapping[str, object]
) -> SiteRepairer | TrainingRepairer:
    """The repairer itself, with its options read; here its module is imported.

    >>> make_repairer(load_registry().repairer("wise-ft"), {})  # doctest: +SKIP
    <modelrepair_rivals.scaling.WiseFt ...>

    Raises:
        UsageError: an unknown option or a value that doesn't fit.
        PluginError: its module or its class fails.
    """
    spec = registered.spec
    parsed = repairer_options(registered, options)
    repairer: SiteRepairer | TrainingRepairer = _made("repairer", registered, parsed)
    for attribute in ("train",) if spec.trains else ("needs", "strengths", "edit"):
        if not hasattr(repairer, attribute):
            problem = TypeError(f"{type(repairer).__name__} has no {attribute!r}")
            raise _failed("repairer", registered, problem)
    return repairer


def repairer_options(
    registered: Registered[RepairerSpec], options: Mapping[str, object]
) -> Options:
    """A repairer's options, read; Raises as `judge_options`."""
    spec = registered.spec
    return parse_options(spec.options, options, spec.name, "--repairer-option")


def judge_options(registered: Registered[JudgeSpec], options: Mapping[str, object]) -> Options:
    """A judge's options, read.

    >>> judge_options(load_registry().judge("keyword"), {}) is None
    True

    Raises:
        UsageError: an unknown option, a missing one, or a value that doesn't fit.
    """
    spec = registered.spec
    return parse_options(spec.options, options, spec.name, "--judge-option")


def make_judge(registered: Registered[JudgeSpec], options: Mapping[str, object]) -> Judge:
    """The judge itself, with its options read; here its module is imported.

    >>> make_judge(load_registry().judge("keyword"), {}).name
    'keyword'

    Raises:
        UsageError: an unknown option or a value that doesn't fit.
        PluginError: its module or its class fails.
    """
    parsed = judge_options(registered, options)
    judge: Judge = _made("judge", registered, parsed)
    if not hasattr(judge, "judge"):
        problem = TypeError(f"{type(judge).__name__} has no 'judge'")
        raise _failed("judge", registered, problem)
    return judge


def _loaded(load: Any) -> Any:
    """What a spec's ``load`` names; a factory is given back as it is."""
    return resolve_name(load) if isinstance(load, str) else load


def _made(kind: str, registered: Registered[Spec], *arguments: object) -> Any:
    """What a spec's ``load`` makes of these arguments; what is deprecated is shown to users."""
    spec = registered.spec
    assert not isinstance(spec, ExampleSetSpec), "a set is read, not made"
    try:
        with deprecations() as lines:
            made = _loaded(spec.load)(*arguments)
    except ModelRepairError:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(kind, registered, error) from error
    for line in lines:
        origin = f"{registered.distribution} {registered.version}"
        # Python shows this category to users, and deprecations to authors alone.
        warnings.warn(f"{kind} {spec.name!r} of {origin}: {line}", FutureWarning, stacklevel=3)
    return made


def _failed(kind: str, registered: Registered[Spec], error: BaseException) -> PluginError:
    spec = registered.spec
    return PluginError(
        f"{kind} {spec.name!r} of {registered.distribution} {registered.version} could not be "
        f"made: {type(error).__name__}: {error}",
        hint="repair or update that plug-in; `--debug` shows its traceback",
        id="plugin-not-loaded",
    )


def _may_offer(failure: PluginFailure, name: str) -> bool:
    # A module that doesn't import can't say what it offers: its own names must do.
    if failure.name is not None:
        return failure.name == name
    wanted = normalised(name)
    distribution = normalised(failure.distribution)
    return wanted in (normalised(failure.entry_point), distribution) or distribution.endswith(
        f"-{wanted}"
    )
