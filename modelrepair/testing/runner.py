"""Runs checks on a plug-in, and makes a record of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from modelrepair.errors import ModelRepairError, UsageError, kind_and_message, one_line
from modelrepair.moving import temporary_folder
from modelrepair.plugin.options import hide_secrets
from modelrepair.testing.checks import KIT, Broken, Check, NotApplicable
from modelrepair.testing.record import Outcome, Record, Result
from modelrepair.testing.subject import Subject, open_subject
from modelrepair.version import version


def check(
    kind: str | None,
    name: str,
    *,
    options: Mapping[str, object] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Record:
    """Run all checks of the kit on one plug-in.

    >>> check("scorer", "magnitude").counts.failed                            # doctest: +SKIP
    0

    Args:
        kind: scorer, repairer, judge or example-set; None where the name says it.
        name: the plug-in's name; of a scorer also ``path/file.py:Class``.
        options: option values to test it with.
        expected_failures: checks that are known to fail, each with the reason.

    Raises:
        UsageError: nothing of this name is installed, or ``expected_failures`` names no
            check, or gives no reason.
        PluginError: the plug-in that offers it can't be loaded.
    """
    expected = expected_failures or {}
    with temporary_folder(prefix="modelrepair-kit-") as folder:
        subject = open_subject(name, kind, options, folder=folder)
        checks = subject.kind.checks
        unknown = sorted(expected.keys() - {each.id for each in checks})
        if unknown:
            raise UsageError(
                f"{unknown[0]!r} is expected to fail, and is no check of a {subject.kind.name}",
                hint=f"its checks: {', '.join(each.id for each in checks)}",
            )
        reasonless = [id for id, why in expected.items() if not why.strip()]
        if reasonless:
            raise UsageError(
                f"{reasonless[0]!r} is expected to fail, and it is not said why",
                hint="give each expected failure its reason",
            )
        results = [run_check(each, subject, expected.get(each.id, ""))[0] for each in checks]
    return record_of(subject, results)


def run_check(
    check: Check, subject: Subject, expected: str = ""
) -> tuple[Result, BaseException | None]:
    """Run one check; its result, and the exception where it raised one.

    >>> from modelrepair.testing.subject import open_subject
    >>> from pathlib import Path
    >>> subject = open_subject("magnitude", folder=Path("work"))
    >>> run_check(Check("fine", "Nothing.", lambda subject: None), subject)[0].outcome
    'passed'

    Args:
        check: what to ask.
        subject: the plug-in.
        expected: why it is known to fail; empty where it is not.
    """
    begun = time.perf_counter()
    raised: BaseException | None = None
    outcome: Outcome
    try:
        check.function(subject)
    except NotApplicable as skipped:
        raised, outcome, reason = skipped, "skipped", one_line(skipped)
    # Whatever a third party's code raises is the check's answer; an interrupt by the user is not.
    except (Exception, SystemExit) as error:
        ours = isinstance(error, Broken | ModelRepairError)
        said = one_line(error) if ours else kind_and_message(error)
        raised, outcome, reason = error, "failed", said
    else:
        outcome, reason = "passed", ""
    seconds = round(time.perf_counter() - begun, 3)
    result = Result(id=check.id, outcome=outcome, reason=reason, seconds=seconds)
    return result.expecting(expected), raised


def record_of(subject: Subject, results: Iterable[Result]) -> Record:
    """The record of a plug-in's results.

    >>> from modelrepair.testing.subject import open_subject
    >>> from pathlib import Path
    >>> record_of(open_subject("magnitude", folder=Path("work")), []).distribution
    'modelrepair'

    Args:
        subject: the plug-in.
        results: what became of each check.
    """
    shown = hide_secrets(getattr(subject.spec, "options", None), subject.options)
    return Record(
        kit=KIT,
        modelrepair=version(),
        kind=subject.kind.name,
        name=subject.name,
        distribution=subject.registered.distribution,
        version=subject.registered.version,
        options={name: str(value) for name, value in shown.items()},
        checks=tuple(results),
    )
