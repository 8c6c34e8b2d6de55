"""What can go wrong, as one tree: every error says what happened, what to do, and its exit code.

ModelRepairError                 70  a bug of ours, unless a subclass says otherwise
├── GateError                     1  the gate or a verification was not passed
│   └── EmptyMaskError            1  nothing was masked
├── UsageError                    2  an option, an unknown name, an output folder
│   └── ExampleSetError           2  a set that is empty, malformed or swapped
├── HubError                      3  Hub, rights, network
│   └── UnreachableError          3  a Hub that does not answer
├── EndpointError                 3  a server that answers for a model
├── ResourceError                 4  memory, disk, a folder that can't be written
├── PluginError                   5  a plug-in that was found and failed
│   ├── UndeclaredReadError       5  one that reads what it did not declare
│   └── ChangedInputsError        5  one that changes in place what it was shown
├── UnsupportedModelError         6  a model that can't be repaired as it is
│   └── DamagedCheckpointError    6  files that are missing, cut short or contradict each other
├── InconclusiveError             7  a check that could not decide: a manifest newer than this
└── RepairInterrupted           130  stopped by the user; the same command resumes
"""

from __future__ import annotations

import errno
from functools import partial
from typing import Any, ClassVar

from modelrepair.version import page


def hint_line(hint: str, id: str) -> str:
    """The line of an error that says what to do; a command in it can be copied to its end.

    >>> hint_line("did you mean 'wanda'?", "unknown-name")
    "Hint [unknown-name]: did you mean 'wanda'?"
    """
    return f"Hint [{id}]: {hint}"


def url_of(id: str) -> str:
    """Where an id of an error is explained: an address, or its path where none is known.

    >>> url_of("empty-mask")  # doctest: +SKIP
    'docs/errors.md#empty-mask'
    """
    path = f"docs/errors.md#{id}"
    return page(path) or path


FULL = (errno.ENOSPC, errno.EDQUOT)
"""The system's numbers for a disk without room."""
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
"""Those for a place where this user may not write."""


class ModelRepairError(Exception):
    """One line of what happened, and in ``hint`` one line of what to do.

    >>> error = UsageError("no scorer named 'wnada'", hint="did you mean 'wanda'?")
    >>> error.exit_code, error.id, str(error), error.hint
    (2, 'usage', "no scorer named 'wnada'", "did you mean 'wanda'?")

    Args:
        message: what happened.
        hint: what to do.
        id: a stable name for it, explained in ``docs/errors.md``; by default that of its class.
    """

    exit_code: ClassVar[int] = 70
    id: str = "bug"

    def __init__(self, message: str, *, hint: str, id: str | None = None) -> None:
        super().__init__(message)
        if id is not None:
            self.id = id
        self.hint = hint

    @property
    def url(self) -> str:
        """Where its id is explained: an address, or a path in the documentation."""
        return url_of(self.id)

    @property
    def hint(self) -> str:
        """What to do; also a note of the exception, so that a traceback ends with it."""
        return self._hint

    @hint.setter
    def hint(self, hint: str) -> None:
        before = hint_line(getattr(self, "_hint", ""), self.id)
        notes = [note for note in getattr(self, "__notes__", ()) if note != before]
        self._hint = hint
        self.__notes__ = [*notes, *([hint_line(hint, self.id)] if hint else [])]

    def __reduce__(self) -> tuple[Any, ...]:
        """How it travels from a worker process: with its hint and id."""
        return partial(type(self), hint=self.hint), self.args, self.__dict__


class GateError(ModelRepairError):
    """The gate or a verification was not passed."""

    exit_code = 1
    id = "gate-not-passed"


class EmptyMaskError(GateError):
    """No entry was chosen: never a success."""

    id = "empty-mask"


class UsageError(ModelRepairError):
    """An option, a name that is not registered, or an output folder that can't be used."""

    exit_code = 2
    id = "usage"


class ExampleSetError(UsageError):
    """An example set that is empty, malformed or swapped."""

    id = "example-set"


class HubError(ModelRepairError):
    """The Hub, the rights on it, or the network."""

    exit_code = 3
    id = "hub"


class UnreachableError(HubError):
    """The Hub can't be reached or does not answer; what it has may lie in the cache."""

    id = "hub-unreachable"


class EndpointError(ModelRepairError):
    """A server that answers for a model: it can't be reached, refuses, or gives no answer."""

    exit_code = 3
    id = "endpoint"


class ResourceError(ModelRepairError):
    """Memory, disk, or a folder that can't be written."""

    exit_code = 4
    id = "out-of-resources"


class PluginError(ModelRepairError):
    """A plug-in that was found and failed."""

    exit_code = 5
    id = "plugin-failed"


class UndeclaredReadError(PluginError):
    """A plug-in reads what it did not declare."""

    id = "plugin-undeclared"


class ChangedInputsError(PluginError):
    """A plug-in changes in place what it was shown."""

    id = "plugin-changed-inputs"


class UnsupportedModelError(ModelRepairError):
    """A model that can't be repaired as it is, or too little of it."""

    exit_code = 6
    id = "unsupported-model"


class DamagedCheckpointError(UnsupportedModelError):
    """Checkpoint files that are missing, cut short, or contradict each other."""

    id = "damaged-checkpoint"


class InconclusiveError(ModelRepairError):
    """A check that could not decide, such as of a manifest newer than this program."""

    exit_code = 7
    id = "inconclusive"


class RepairInterrupted(ModelRepairError):
    """Stopped by the user; the same command resumes where it stopped."""

    exit_code = 130
    id = "interrupted"


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, here or on a device.

    >>> out_of_memory(MemoryError()), out_of_memory(KeyError())
    (True, False)
    """
    # By name: torch must not be imported to find out that torch is not to blame.
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "OutOfMemoryError"}:
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def one_line(said: object, longest: int | None = None) -> str:
    r"""What others say, such as the text of an exception, in one line.

    >>> one_line(ValueError("no\n such   thing")), one_line("too long", 3)
    ('no such thing', 'too')
    """
    return " ".join(str(said).split())[:longest]


def kind_and_message(error: BaseException, longest: int | None = None) -> str:
    """An exception's kind and message in one line; its kind alone where it has no message.

    >>> kind_and_message(ImportError("no such thing")), kind_and_message(KeyError())
    ('ImportError: no such thing', 'KeyError')
    """
    name, text = type(error).__name__, one_line(error)
    return (f"{name}: {text}" if text else name)[:longest]
