"""Which example sets a run reads: those that its plug-ins and its measures need, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelrepair.errors import UsageError
from modelrepair.examples.find import on_the_hub
from modelrepair.examples.keys import FAMILIES
from modelrepair.plugin.names import SetName, SetUse, SubjectKind
from modelrepair.plugin.options import parse_options
from modelrepair.plugin.specs import RepairerSpec, ScorerSpec
from modelrepair.preflight.named_sets import NamedSets
from modelrepair.preflight.plugins import Plugins

TOGETHER: tuple[tuple[SetName, ...], ...] = (("realign", "refusal"), ("utility", "borderline"))
"""Refusals are made of realign's prompts; borderline answers are scored with utility's."""


def needs_of(
    spec: ScorerSpec | RepairerSpec, options: Mapping[str, Any], subject: SubjectKind
) -> Mapping[SetName, SetUse]:
    """The sets that a plug-in reads with the options that it is given."""
    if isinstance(spec, RepairerSpec):
        return spec.sets(parse_options(spec.options, options, spec.name, "--repairer-option"))
    return spec.sets(parse_options(spec.options, options, spec.name), subject)


def needs_of_all(plugins: Plugins, subject: SubjectKind) -> set[SetName]:
    """The sets that any of the plug-ins that may be tried reads."""
    return {name for each in plugins.tried for name in needs_of(*each, subject)}


def sets_to_read(
    named: NamedSets,
    plugins: Plugins,
    subject: SubjectKind,
    *,
    evaluate: bool = True,
    protect: float | None = None,
) -> NamedSets:
    """The sets that are read: where something is measured all of them, else what is scored with.

    What lies here is read in any case: it costs nothing, and a mistake in it is found.

    Args:
        named: the sets.
        plugins: what may be tried.
        subject: what is masked.
        evaluate: whether anything is measured.
        protect: the share of the entries that is kept from being masked, where it was named.
    """
    if evaluate:
        return named
    needed = needs_of_all(plugins, subject)
    if protects(protect, plugins, subject):
        needed.add("utility")
    read = {name for names in TOGETHER if needed & {*names} for name in names}
    far = {key.role for key, each in named.items() if on_the_hub(each.text)}
    left = {key.role for family in FAMILIES for key in family if far & {k.role for k in family}}
    return {key: each for key, each in named.items() if key.role in read or key.role not in left}


def protects(share: float | None, plugins: Plugins, subject: SubjectKind) -> bool:
    """Whether entries that a utility set needs are kept from being masked: a share that is named.

    By default some are, of a whole weight.
    """
    if share is not None:
        return share > 0
    return subject == "weight" and plugins.repairer is None


def require_named(
    named: NamedSets, plugins: Plugins, subject: SubjectKind, protect: float | None = None
) -> None:
    """Refuse a plug-in, the first that is tried, or a protection, whose set is not named.

    Raises:
        UsageError: a set is missing.
    """
    roles = {key.role for key in named}
    roles |= {"refusal"} if "realign" in roles else set()
    spec, options = plugins.tried[0]
    for name in needs_of(spec, options, subject):
        if name not in roles:
            raise lacking(spec, name, f"a {name} set")
    if (protect or 0) > 0 and "utility" not in roles:
        raise UsageError(
            "--protect needs a utility set", hint="give one with --utility", id="set-missing"
        )


def lacking(spec: ScorerSpec | RepairerSpec, name: SetName, what: str) -> UsageError:
    """The error of a plug-in that lacks a set, or a set's answers."""
    kind = "repairer" if isinstance(spec, RepairerSpec) else "scorer"
    return UsageError(
        f"{kind} {spec.name!r} needs {what}",
        hint=f"give one with --{name}, or choose another {kind}",
        id="set-missing",
    )


def require_reference(spec: RepairerSpec, reference: object | None) -> None:
    """Refuse a repairer that needs a reference where none is known.

    Raises:
        UsageError: it is so.
    """
    if spec.reference and reference is None:
        raise UsageError(
            f"repairer {spec.name!r} needs a reference, and none is known or aligned",
            hint="name the aligned model that the source was fine-tuned from with --reference",
            id="reference-missing",
        )
