"""The hooks that a plug-in implements: the whole contract of registration, in one file."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec, RepairerSpec, ScorerSpec

PROJECT = "modelrepair"
"""The entry-point group, and the name of the pluggy project."""


class InterfaceDeprecation(DeprecationWarning):
    """A plug-in uses what a later modelrepair won't have; see docs/plugin-api.md.

    The loader shows it whatever Python's filters are. A test suite makes it an error by
    ``-W error::modelrepair.plugin.InterfaceDeprecation``.

    >>> issubclass(InterfaceDeprecation, DeprecationWarning)
    True

    Args:
        message: what is deprecated since when, what to use instead, and when it goes.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)


hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def modelrepair_scorers() -> Iterable[ScorerSpec]:
    """Give the scorers that this plug-in offers. Must be cheap: no torch import.

    >>> @hookimpl
    ... def modelrepair_scorers():
    ...     yield ScorerSpec("mine", "scores by my rule", load="my_package:MyScorer",
    ...                      sets=lambda options, subject_kind: {"realign": "pairs"})
    """
    raise NotImplementedError  # pluggy reads the signature and never calls this


@hookspec
def modelrepair_judges() -> Iterable[JudgeSpec]:
    """Give the judges that this plug-in offers. Must be cheap: no torch import.

    >>> @hookimpl
    ... def modelrepair_judges():
    ...     yield JudgeSpec("mine", "judges by my rule", load="my_package:MyJudge")

    The judge is made by ``MyJudge(options)``.
    """
    raise NotImplementedError  # pluggy reads the signature and never calls this


@hookspec
def modelrepair_example_sets() -> Iterable[ExampleSetSpec]:
    """Give the example sets that this plug-in offers by name. Must be cheap: nothing is read.

    >>> @hookimpl
    ... def modelrepair_example_sets():
    ...     yield ExampleSetSpec("mine", "my prompts", source="me/prompts:train",
    ...                          roles=("utility",))
    """
    raise NotImplementedError  # pluggy reads the signature and never calls this


@hookspec
def modelrepair_repairers() -> Iterable[RepairerSpec]:
    """Give the repairers that this plug-in offers. Must be cheap: no torch import.

    >>> @hookimpl
    ... def modelrepair_repairers():
    ...     yield RepairerSpec("mine", "repairs by my rule", load="my_package:MyRepairer",
    ...                        sets=lambda options: {"refusal": "pairs"})
    """
    raise NotImplementedError  # pluggy reads the signature and never calls this
