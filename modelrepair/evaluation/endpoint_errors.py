"""What goes wrong with an endpoint, each as one line with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modelrepair.errors import EndpointError, one_line
from modelrepair.text.redaction import HIDDEN

LONGEST = 160
"""Letters of what a server says that are shown: it may say the prompt again."""

UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError)
"""What that package stumbles with over a body that is no JSON, or none of this protocol."""


def other_model(url: str, asked: str, answered: str, option: str = "--endpoint") -> EndpointError:
    """The answer is another model's.

    >>> print(other_model("http://h/v1", "a", "b"))
    http://h/v1 was asked for 'a', and its answer is of 'b'
    """
    return EndpointError(
        f"{url} was asked for {asked!r}, and its answer is of {one_line(answered, 80)!r}",
        hint=f"give {option}-model as the server calls it, or start the server with this model",
        id="endpoint-other-model",
    )


def without_answer(url: str, why: str) -> EndpointError:
    """The server answered, and there is no answer in it.

    >>> print(without_answer("http://h/v1", "its list of choices is empty"))
    http://h/v1 gave no answer: its list of choices is empty
    """
    return EndpointError(
        f"{url} gave no answer: {why}",
        hint="check that the address is that of an OpenAI-compatible server, up to /v1",
        id="endpoint-no-answer",
    )


@contextmanager
def endpoint_errors(
    url: str, model: str, key: str | None = None, option: str = "--endpoint"
) -> Iterator[None]:
    """Every failure of the ``openai`` package as an `EndpointError`.

    >>> with endpoint_errors("http://h/v1", "user/model"):
    ...     pass

    Args:
        url: of the endpoint.
        model: its name there.
        key: what no line may show.
        option: what named it.

    Raises:
        EndpointError: with what the server says, shortened, its key hidden.
    """
    import openai

    try:
        yield
    except openai.APITimeoutError:
        raise EndpointError(
            f"{url} did not answer in time",
            hint=f"ask for less at once with {_fewer(option)}, or see the server's log",
            id="endpoint-timeout",
        ) from None
    except openai.APIConnectionError as error:
        raise _without_connection(url, error.__cause__ or error, key) from None
    except openai.APIStatusError as error:
        said = _plain(error.message, key)
        raise _refused(url, model, error.status_code, said, _fewer(option)) from None
    except (openai.APIError, *UNREADABLE) as error:
        said = one_line(_plain(error, key), LONGEST)
        raise without_answer(url, f"it can't be read: {said}") from None


def _without_connection(url: str, cause: BaseException, key: str | None) -> EndpointError:
    said = one_line(_plain(cause, key), LONGEST)
    if type(cause).__name__ in ("RemoteProtocolError", "ReadError", "WriteError"):
        return EndpointError(
            f"the connection to {url} broke: {said}",
            hint="run the same command again; the server's log may say why",
            id="endpoint-connection-broke",
        )
    return EndpointError(
        f"{url} can't be reached: {said}",
        hint="check the address, and that the server runs",
        id="endpoint-unreachable",
    )


def _fewer(option: str) -> str:
    """How less is asked at once of the server that this option names."""
    return "--judge-option batch=1" if option == "--judge-endpoint" else "--endpoint-at-once 1"


def _refused(url: str, model: str, status: int, said: str, fewer: str) -> EndpointError:
    line = f"{url} answers {status}: {one_line(said, LONGEST)}"
    if status in (401, 403):
        hint = "set MODELREPAIR_ENDPOINT_KEY to a key that this server knows"
        return EndpointError(line, hint=hint, id="endpoint-key")
    if status in (404, 405):
        hint = f"check the path of the address, and that the server has the model {model!r}"
        return EndpointError(line, hint=hint, id="endpoint-not-found")
    if status == 429:
        hint = f"run the same command later, or ask for less with {fewer}"
        return EndpointError(line, hint=hint, id="endpoint-busy")
    if status >= 500:
        hint = "run the same command later; the server's log says what failed"
        return EndpointError(line, hint=hint, id="endpoint-failed")
    hint = "change what the server refuses; its log says more"
    return EndpointError(line, hint=hint, id="endpoint-refused")


def _plain(said: object, key: str | None) -> str:
    text = str(said)
    return text.replace(key, HIDDEN) if key else text
