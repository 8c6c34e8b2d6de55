"""Every exception as one line of what happened, one of what to do, and an exit code."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import click

from modelrepair.errors import ModelRepairError, ResourceError, UsageError, out_of_memory

BUG, INTERRUPTED = 70, 130
FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Failure:
    """What the user is told, and the exit code."""

    message: str
    hint: str
    exit_code: int

    def to_json(self) -> dict[str, object]:
        """The document that ``--json`` prints in place of a result."""
        return {"error": {"message": self.message, "hint": self.hint, "exit_code": self.exit_code}}


def explain(error: BaseException) -> Failure:
    """What an exception means to a user.

    >>> explain(MemoryError()).exit_code
    4
    """
    if isinstance(error, ModelRepairError):
        return Failure(_one_line(error), " ".join(error.hint.split()), error.exit_code)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Failure("interrupted", "run the same command to go on", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return Failure(_usage_message(error), _usage_hint(error), UsageError.exit_code)
    if out_of_memory(error):
        return Failure(
            f"out of memory: {_one_line(error) or type(error).__name__}",
            "close other programs or lower --token-budget; `modelrepair plan` says what is needed",
            ResourceError.exit_code,
        )
    if isinstance(error, OSError) and error.errno in FULL:
        return Failure(
            f"disk full{_where(error)}",
            "free some space, then run the same command to go on; `modelrepair plan` says how much",
            ResourceError.exit_code,
        )
    if isinstance(error, OSError) and error.errno in FORBIDDEN:
        return Failure(
            f"not allowed{_where(error)}: {error.strerror}",
            "choose another folder, or change its permissions",
            ResourceError.exit_code,
        )
    return Failure(
        f"unexpected {type(error).__name__}: {_one_line(error)}",
        "this is a bug of modelrepair; please report it with the traceback that --debug shows",
        BUG,
    )


def _usage_message(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split()).rstrip(".")
    return message[:1].lower() + message[1:]


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "modelrepair"
    return f"see `{command} --help`"


def _where(error: OSError) -> str:
    return f" at {error.filename}" if error.filename else ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
