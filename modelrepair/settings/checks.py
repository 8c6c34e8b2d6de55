"""Checks of the settings, before anything is read: ranges, words, and what excludes each other."""

from __future__ import annotations

from math import isfinite

from modelrepair.budgets import MOST_BUDGET
from modelrepair.errors import UsageError
from modelrepair.examples.columns import FIELDS
from modelrepair.examples.filters import parse_filter
from modelrepair.examples.keys import ROLES
from modelrepair.examples.thoughts import parse_marks
from modelrepair.settings.amount import Fixed, Searched, amount_of, check_ratio
from modelrepair.settings.declared import declared, expected, fits
from modelrepair.settings.duration import seconds_of
from modelrepair.settings.expand import expand
from modelrepair.settings.settings import NONE, TYPED, Settings
from modelrepair.settings.units import check_unit

RANGED = {
    "scale": ("a scale of", "0 removes, 0.75 shrinks; below 1"),
    "protect": ("a protected share of", "0 to below 1"),
    "step": ("a step of", "a share of all entries, such as 0.01"),
}
"""What is said of a number that is out of its range."""

FOR_MASKS = (
    "preset",
    "scorer",
    "scorer_options",
    "scope",
    "unit",
    "ratio",
    "scale",
    "step",
    "protect",
    "store_values",
    "subject",
)
"""What a repairer has no use for."""


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
    check_unit(settings)
    check_ratio(expand(settings).ratio)
    amount = amount_of(settings)
    if settings.max_time is not None:
        seconds_of(settings.max_time)
    if isinstance(amount, Fixed):
        _check_no_search(settings, amount)
    if not settings.evaluate and isinstance(amount, Searched):
        raise UsageError(
            f"a search for the {amount.knob} needs measures",
            hint=f"give a number for --{amount.knob}, or leave out --no-evaluate",
        )
    if settings.also_template and not settings.evaluate:
        raise UsageError(
            "--also-template measures under another template, which --no-evaluate leaves out",
            hint="leave one of the two out",
        )
    if settings.answer_later:
        _check_later(settings)
    for name, (said, hint) in RANGED.items():
        if not fits(name, value := getattr(settings, name)):
            raise UsageError(f"{said} {value}", hint=hint)
    if settings.strength is not None and not _is_finite(settings.strength):
        raise UsageError(
            f"a strength of {settings.strength}", hint="a number in the repairer's own unit"
        )
    if not 0 < settings.budgets.kind_level <= 0.5:
        raise UsageError(
            f"--gate-kind-level {settings.budgets.kind_level:g}", hint="above 0 and at most 0.5"
        )
    if settings.realign == NONE:
        raise UsageError(
            "a repair needs a re-alignment set",
            hint="--realign FILE: harmful prompts with harmful answers; default: beavertails",
            id="set-missing",
        )
    if settings.subject == "delta" and settings.reference == "none":
        raise UsageError(
            "a delta needs a reference",
            hint="name it with --reference, or use --subject weight",
            id="reference-missing",
        )


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and isfinite(number)


def _check_no_search(settings: Settings, amount: Fixed) -> None:
    """Refuse limits of a search where there is none."""
    # A scorer takes rounds to a named ratio, too.
    limits = ["max_time", "max_candidates", *(["max_rounds"] if settings.repairer else [])]
    for name in limits:
        if getattr(settings, name) is not None:
            raise UsageError(
                f"--{name.replace('_', '-')} ends a search, and a {amount.knob} was named",
                hint="leave one of the two out",
            )


def _check_later(settings: Settings) -> None:
    """Refuse what needs answers during the repair."""
    own = [f"--{name} self:…" for name in ROLES if str(getattr(settings, name)).startswith("self:")]
    needs = [
        *(["--no-evaluate"] if not settings.evaluate else []),
        *(["--also-template"] if settings.also_template else []),
        *own,
    ]
    if needs:
        raise UsageError(
            f"--answer-later asks no model for an answer, which {needs[0]} "
            f"{'leaves out, too' if needs[0] == '--no-evaluate' else 'needs'}",
            hint="leave one of the two out",
        )


def _check_repairer(settings: Settings) -> None:
    """Refuse what goes with a scorer alone."""
    plain = Settings(settings.source)
    for name in FOR_MASKS:
        if getattr(settings, name) not in (getattr(plain, name), "auto"):
            option = TYPED.get(name, f"--{name.replace('_', '-')}")
            raise UsageError(
                f"{option} goes with a scorer, and a repairer was named",
                hint=f"leave it out, or --repairer {settings.repairer}",
            )


def check_choices(settings: Settings) -> None:
    """Refuse words and counts that no option takes: in Python nothing else checks them.

    Raises:
        UsageError: an unknown word, or a count that is too small.
    """
    for name in declared():
        hint, value = expected(name), getattr(settings, name)
        if hint is not None and not fits(name, value):
            raise UsageError(f"{name} is {value!r}", hint=hint)
    for name, number in vars(settings.budgets).items():
        if not isinstance(number, int | float) or not 0 <= number <= MOST_BUDGET:
            raise UsageError(
                f"--gate-{name.replace('_', '-')} {number}",
                hint=f"a number from 0 to {MOST_BUDGET:,}",
            )
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
