"""Every exception as one line of what happened, one of what to do, and an exit code."""

from __future__ import annotations

import errno
from dataclasses import asdict, dataclass

import click
from click.exceptions import NoSuchCommand, NoSuchOption

from modelrepair.errors import (
    FORBIDDEN,
    FULL,
    ModelRepairError,
    ResourceError,
    UsageError,
    one_line,
    out_of_memory,
    url_of,
)
from modelrepair.text.pasted import pasted

BUG, INTERRUPTED = 70, 130
TOKENS = ("token", "hf-token", "hub-token", "api-key", "api-token", "auth-token", "use-auth-token")
"""What other programs call the option that takes a token of the Hub."""


@dataclass(frozen=True)
class Failure:
    """What the user sees of an error, and the exit code.

    Args:
        message: what happened.
        hint: what to do.
        id: a stable name of what happened, explained in ``docs/errors.md``.
        exit_code: that the program ends with.
    """

    message: str
    hint: str
    id: str
    exit_code: int

    def to_json(self) -> dict[str, object]:
        """The document that ``--json`` prints in place of a result."""
        return {"error": {**asdict(self), "url": url_of(self.id)}}


def explain(error: BaseException) -> Failure:
    """What an exception means to a user.

    >>> explain(MemoryError()).exit_code
    4
    """
    if isinstance(error, ModelRepairError):
        return Failure(one_line(error), one_line(error.hint), error.id, error.exit_code)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Failure("interrupted", "run the same command to go on", "interrupted", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return Failure(
            _usage_message(error), _usage_hint(error), _usage_id(error), UsageError.exit_code
        )
    if out_of_memory(error):
        return Failure(
            f"out of memory: {one_line(error) or type(error).__name__}",
            "close other programs or lower --token-budget; `modelrepair plan` says what is needed",
            "out-of-memory",
            ResourceError.exit_code,
        )
    if isinstance(error, OSError) and error.errno in FULL:
        return Failure(
            f"disk full{_where(error)}",
            "free some space, then run the same command to go on; `modelrepair plan` says how much",
            "disk-full",
            ResourceError.exit_code,
        )
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return Failure(
            f"a name is too long for this system: {one_line(error.filename, 60)} …",
            "give a shorter one",
            "usage",
            UsageError.exit_code,
        )
    if isinstance(error, OSError) and error.errno in FORBIDDEN:
        return Failure(
            f"not allowed{_where(error)}: {error.strerror}",
            "choose another folder, or change its permissions",
            "not-writable",
            ResourceError.exit_code,
        )
    return Failure(
        f"unexpected {type(error).__name__}: {one_line(error)}",
        "this is a bug of modelrepair; please report it with the traceback that --debug shows",
        "bug",
        BUG,
    )


def _usage_message(error: click.ClickException) -> str:
    named = isinstance(error, (NoSuchOption, NoSuchCommand))
    text = str(error.message) if named else error.format_message()
    message = one_line(text).rstrip(".")
    return message[:1].lower() + message[1:]


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "modelrepair"
    if isinstance(error, NoSuchOption) and _is_token(error.option_name):
        return "no token is typed, where others could read it: set HF_TOKEN, or run `hf auth login`"
    if isinstance(error, NoSuchCommand) and "/" in error.command_name:
        return f"to repair that model: {pasted(['modelrepair', 'fix', error.command_name])}"
    near = getattr(error, "possibilities", None) or ()
    from modelrepair.source.suggestions import did_you_mean

    return f"{did_you_mean(near)}see `{command} --help`"


def _usage_id(error: click.ClickException) -> str:
    if isinstance(error, NoSuchCommand):
        return "no-such-command"
    return "no-such-option" if isinstance(error, NoSuchOption) else UsageError.id


def _is_token(option: str) -> bool:
    """Whether a token of the Hub is meant, as other programs take it, and no number of tokens.

    >>> _is_token("--token"), _is_token("--hf-token"), _is_token("--max-tokens")
    (True, True, False)
    """
    return option.lstrip("-").replace("_", "-") in TOKENS


def _where(error: OSError) -> str:
    return f" at {error.filename}" if error.filename else ""
