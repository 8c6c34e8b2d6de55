"""The classes that authors derive their tests from: one test for each check of the kit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from modelrepair.errors import ModelRepairError
from modelrepair.testing.checks import Check
from modelrepair.testing.kinds import KINDS
from modelrepair.testing.pytest_plugin import RAN, Ran
from modelrepair.testing.runner import record_of, run_check
from modelrepair.testing.subject import Subject, open_subject

# Above the classes: they are used while the classes are made.


def _test_name(check: Check) -> str:
    return f"test_{check.id.replace('-', '_')}"


def _test(check: Check) -> Callable[[Any, pytest.FixtureRequest], None]:
    """The test of one check."""

    def test(self: Conformance, request: pytest.FixtureRequest) -> None:
        subject = _subject_of(type(self), request)
        result, raised = run_check(check, subject, self.expected_failures.get(check.id, ""))
        request.node.stash[RAN] = Ran(record_of(subject, ()), result)
        match result.outcome:
            case "skipped":
                pytest.skip(result.reason)
            case "expected-failure":
                pytest.xfail(f"{result.expected} ({result.reason})")
            case "failed" | "unexpected-pass":
                if raised is not None and not isinstance(raised, AssertionError | ModelRepairError):
                    raise raised  # with its traceback: it is the author's own
                pytest.fail(f"{check.id}: {result.reason}\n{check.demands}", pytrace=False)

    test.__name__ = _test_name(check)
    test.__qualname__ = f"Conformance.{test.__name__}"
    test.__doc__ = check.demands
    test.check = check.id  # type: ignore[attr-defined]
    return test


def _subject_of(cls: type[Conformance], request: pytest.FixtureRequest) -> Subject:
    """The plug-in of a class, found by its first test and kept for the others."""
    if "_subject" not in vars(cls):
        folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("modelrepair-kit")
        cls._subject = open_subject(cls.name, cls.kind, cls.options, folder=folder)
    return cls._subject


def _replaced(cls: type[Conformance]) -> list[str]:
    """The tests of the kit that are not the kit's own in this class."""
    whole = next(base for base in cls.__mro__ if Conformance in base.__bases__)
    names = [_test_name(check) for check in KINDS[cls.kind].checks]
    return [name for name in names if vars(whole)[name] is not getattr(cls, name, None)] + [
        name
        for name in ("test_no_check_is_replaced",)
        if getattr(cls, name, None) is not getattr(Conformance, name)
    ]


class Conformance:
    """What the four classes share: the tests are made of the kit's list, and stay as they are."""

    kind: ClassVar[str]
    name: ClassVar[str]
    options: ClassVar[Mapping[str, object]] = {}
    expected_failures: ClassVar[Mapping[str, str]] = {}

    __test__ = False
    _subject: ClassVar[Subject]

    def __init_subclass__(cls, kind: str | None = None, **more: Any) -> None:
        """Give a kind's class its tests, or look whether an author's class left them alone.

        Raises:
            TypeError: the class has no name, replaces a check, or expects one to fail that is
                not in the kit.
        """
        super().__init_subclass__(**more)
        if kind is not None:
            cls.kind = kind
            for check in KINDS[kind].checks:
                setattr(cls, _test_name(check), _test(check))
            return
        if not isinstance(getattr(cls, "name", None), str):
            raise TypeError(f'{cls.__name__} names no plug-in: give it `name = "…"`')
        if replaced := _replaced(cls):
            raise TypeError(
                f"{cls.__name__} replaces checks of the kit: {', '.join(replaced)}; name them in "
                "`expected_failures`, each with the reason"
            )
        ids = {check.id for check in KINDS[cls.kind].checks}
        if reasonless := [id for id, why in cls.expected_failures.items() if not why.strip()]:
            raise TypeError(f"{cls.__name__} does not say why {reasonless[0]!r} is to fail")
        if unknown := sorted(cls.expected_failures.keys() - ids):
            raise TypeError(
                f"{cls.__name__} expects {unknown[0]!r} to fail, which is no check of a {cls.kind}"
            )
        cls.__test__ = True

    def test_no_check_is_replaced(self) -> None:
        """Every check of the kit is still a test of this class."""
        replaced = _replaced(type(self))
        assert not replaced, f"checks of the kit were replaced: {', '.join(replaced)}"


class ScorerConformance(Conformance, kind="scorer"):
    """Derive from it to test a scorer.

    >>> class TestMine(ScorerConformance):
    ...     name = "my-scorer"
    >>> TestMine.kind
    'scorer'

    ``options`` gives option values to test with; ``expected_failures`` names checks that are known
    to fail, each with the reason.
    """


class RepairerConformance(Conformance, kind="repairer"):
    """Derive from it to test a repairer; as `ScorerConformance`."""


class JudgeConformance(Conformance, kind="judge"):
    """Derive from it to test a judge; as `ScorerConformance`."""


class ExampleSetConformance(Conformance, kind="example-set"):
    """Derive from it to test an example set; as `ScorerConformance`."""
