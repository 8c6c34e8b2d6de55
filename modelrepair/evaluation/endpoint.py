"""A model behind an endpoint: where it is, and what one request to it gives.

The protocol is OpenAI's, which vLLM, SGLang, llama.cpp, ``transformers serve`` and the Hub's
inference endpoints speak: ``/completions`` takes the rendered prompt; ``/chat/completions`` takes
messages, and the server renders them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeGuard
from urllib.parse import urlsplit

from modelrepair.errors import EndpointError, UsageError
from modelrepair.evaluation.endpoint_bounds import bound
from modelrepair.evaluation.endpoint_errors import endpoint_errors, other_model, without_answer

if TYPE_CHECKING:
    from openai import OpenAI

Route = Literal["completions", "chat/completions"]
KEYS = ("MODELREPAIR_ENDPOINT_KEY", "OPENAI_API_KEY")
"""Variables that may hold the endpoint's key, the first that is set."""
HALF_A_LETTER = re.compile("[\ud800-\udfff]")
"""JSON may spell it; no tokenizer takes it."""
LONGEST_NAME = 300
"""Letters of a model's name."""
ENGINES = ("vllm", "sglang", "llamacpp")
"""What servers call themselves as the owner of their models."""


@dataclass(frozen=True)
class Endpoint:
    """Where a model answers.

    Args:
        url: of the protocol's root, such as ``http://127.0.0.1:8000/v1``; without secrets.
        model: its name there.
        at_once: the most requests that are under way together.
        timeout: seconds that one answer may take.
        retries: of a request that failed in a way that passes; the ``openai`` package waits
            between them, for as long as the server asks.
        option: what named it, for the messages.
    """

    url: str
    model: str
    at_once: int = 8
    timeout: float = 300.0
    retries: int = 4
    option: str = "--endpoint"


def endpoint_of(
    url: str, model: str | None, at_once: int = 8, option: str = "--endpoint"
) -> Endpoint:
    """The endpoint that a user names.

    >>> endpoint_of("http://127.0.0.1:8000", "user/model").url
    'http://127.0.0.1:8000/v1'

    Args:
        url: with the path up to ``/v1``; without a path, that is added.
        model: its name there.
        at_once: see `Endpoint`.
        option: what names the address, for the messages.

    Raises:
        UsageError: no address, one that holds a secret, or no name of a model.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError:
        parts, host = urlsplit(""), None
    # The address is in no message here: whatever is wrong with it, it may hold a secret.
    whole = url.strip().isprintable() and not any(letter.isspace() for letter in url.strip())
    if parts.scheme not in ("http", "https") or not host or not whole:
        raise UsageError(
            f"{option} is no address of a server",
            hint="give one such as http://127.0.0.1:8000/v1",
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{option} holds a user or a password, which files and messages would show",
            hint=f"take it out, and set {KEYS[0]} to the key",
        )
    if parts.query or parts.fragment or "?" in url:
        raise UsageError(
            f"{option} has a part behind '?' or '#', where keys are",
            hint=f"leave it out; a key is given as {KEYS[0]} in the environment",
        )
    if not (model or "").strip():
        raise UsageError(
            "an endpoint serves models by name, and none was named",
            hint=f"name it with {option}-model, as the server's /v1/models lists it",
        )
    if at_once < 1:
        raise UsageError(f"{at_once} requests at once", hint="a whole number, 1 or more")
    path = parts.path.rstrip("/") or "/v1"
    url = f"{parts.scheme}://{parts.netloc}{path}"
    return Endpoint(url, str(model).strip(), at_once, option=option)


def endpoint_or_none(url: str | None, model: str | None, at_once: int = 8) -> Endpoint | None:
    """The same where there may be none; Args as `endpoint_of`.

    >>> endpoint_or_none(None, None)

    Raises:
        UsageError: as `endpoint_of`, or a name without an address.
    """
    if url is not None:
        return endpoint_of(url, model, at_once)
    if model is not None:
        raise UsageError(
            "--endpoint-model without --endpoint",
            hint="give the address of the server with --endpoint",
        )
    return None


@dataclass(frozen=True)
class Served:
    """How an endpoint answered.

    Args:
        url: where.
        model: by its name there.
        route: what took the prompts.
        engine: what serves the model; ``"unknown"`` where the server does not say.
        version: of that, likewise.
    """

    url: str
    model: str
    route: Route
    engine: str = "unknown"
    version: str = "unknown"

    def to_json(self) -> dict[str, str]:
        """As a report has it."""
        return {key: str(value) for key, value in vars(self).items()}


@dataclass(frozen=True)
class Asked:
    """One prompt, in both forms.

    Args:
        text: rendered by the model's own template.
        messages: as they are.
        most: tokens that the reply may have.
        stops: texts that end an answer.
        with_thought: tokens that a reply may have which begins with a thought.
    """

    text: str
    messages: Sequence[Mapping[str, str]]
    most: int
    stops: tuple[str, ...] = ()
    with_thought: int = 0


@dataclass(frozen=True)
class Reply:
    """What came of one prompt.

    Args:
        text: as the server gives it.
        thought: what it parted from that as reasoning.
        finished: False where the limit cut it off.
    """

    text: str
    thought: str
    finished: bool


def client_of(endpoint: Endpoint) -> OpenAI:
    """The client of the ``openai`` package; its key comes from the environment.

    Raises:
        UsageError: the package is not installed, or the environment holds what can be no key.
    """
    try:
        from openai import DefaultHttpxClient, OpenAI
    except ImportError:
        raise UsageError(
            "answers behind an endpoint need the package openai, which is not installed",
            hint='pip install "modelrepair[endpoint]"',
        ) from None
    # Many local servers ask for no key, and the client for some.
    return OpenAI(
        base_url=endpoint.url,
        api_key=key_of() or "none",
        timeout=endpoint.timeout,
        max_retries=endpoint.retries,
        http_client=DefaultHttpxClient(
            event_hooks={"response": [partial(bound, seconds=endpoint.timeout)]}
        ),
    )


def key_of(environment: Mapping[str, str] = os.environ) -> str | None:
    """The key that the environment holds; None without one.

    >>> key_of({"OPENAI_API_KEY": "k", "MODELREPAIR_ENDPOINT_KEY": ""})
    'k'

    Raises:
        UsageError: it can't be sent: what refuses it on the way would show it.
    """
    for name in KEYS:
        if key := environment.get(name, "").strip():
            if not (key.isascii() and key.isprintable()):
                raise UsageError(
                    f"{name} holds a line break, or a letter that no key has",
                    hint="set it to the key alone",
                )
            return key
    return None


def _errors(endpoint: Endpoint) -> AbstractContextManager[None]:
    return endpoint_errors(endpoint.url, endpoint.model, key_of(), endpoint.option)


def look(client: OpenAI, endpoint: Endpoint) -> tuple[str, str, tuple[str, ...]]:
    """Engine, its version, and the names of the models, as far as the server says.

    Raises:
        EndpointError: it can't be reached, or refuses the key.
    """
    try:
        with _errors(endpoint):
            listed = client.models.list()
    except EndpointError as error:
        if error.id in ("endpoint-unreachable", "endpoint-key"):
            raise
        return "unknown", "unknown", ()  # a server may well list no models
    found = getattr(listed, "data", None)
    rows = found if isinstance(found, list) else []
    names = tuple(name for row in rows if _is_name(name := getattr(row, "id", None)))
    owners = {str(getattr(row, "owned_by", "")).casefold() for row in rows}
    engine = next((name for name in ENGINES if name in owners), "unknown")
    return engine, _version(client, endpoint) if engine == "vllm" else "unknown", names


def _version(client: OpenAI, endpoint: Endpoint) -> str:
    """What vLLM says beside the protocol."""
    root = endpoint.url.rpartition("/v1")[0] or endpoint.url
    try:
        with _errors(endpoint):
            said = client.get(f"{root}/version", cast_to=dict[str, Any])
    except EndpointError:
        return "unknown"
    version = said.get("version") if isinstance(said, dict) else None
    return version[:40] if _is_name(version) else "unknown"


def _is_name(said: object) -> TypeGuard[str]:
    """Whether this is a name that a record, and a line, can hold."""
    return isinstance(said, str) and said.isprintable() and 0 < len(said) <= LONGEST_NAME


def ask_once(client: OpenAI, endpoint: Endpoint, route: Route, asked: Asked) -> Reply:
    """Send one prompt, and read the reply.

    Raises:
        EndpointError: there is none, or it is another model's.
    """
    settings: dict[str, Any] = {
        "model": endpoint.model,
        "temperature": 0,
        "max_tokens": asked.most,
    }
    if asked.stops:
        settings["stop"] = list(asked.stops)
    with _errors(endpoint):
        answered: Any
        if route == "completions":
            answered = client.completions.create(prompt=asked.text, **settings)
        else:
            messages: Any = [dict(each) for each in asked.messages]
            answered = client.chat.completions.create(messages=messages, **settings)
    return _read(endpoint, route, answered)


def _read(endpoint: Endpoint, route: Route, answered: Any) -> Reply:
    if isinstance(answered, str) or not hasattr(answered, "choices"):
        raise without_answer(endpoint.url, "it is no JSON of this protocol")
    name = getattr(answered, "model", None)
    if isinstance(name, str) and name and not _same(name, endpoint.model):
        raise other_model(endpoint.url, endpoint.model, name, endpoint.option)
    choices = answered.choices
    if not isinstance(choices, list) or not choices:
        raise without_answer(endpoint.url, "its list of choices is empty")
    choice = choices[0]
    message = getattr(choice, "message", None)
    holder, field = (choice, "text") if route == "completions" else (message, "content")
    text = getattr(holder, field, None)
    thought = ""
    for place in (message, choice):
        for name in ("reasoning_content", "reasoning"):
            said = getattr(place, name, None)
            thought = thought or (said if isinstance(said, str) else "")
    if text is None and thought:
        text = ""  # all of it was a thought
    if not isinstance(text, str):
        raise without_answer(endpoint.url, "its choice holds no text")
    text, thought = (HALF_A_LETTER.sub("\ufffd", each) for each in (text, thought))
    return Reply(text, thought, getattr(choice, "finish_reason", None) != "length")


def _same(answered: str, asked: str) -> bool:
    """Whether the name in an answer is the model that was asked: with its revision, perhaps."""
    return answered == asked or (
        answered.startswith(asked) and answered[len(asked) :][:1] in ("@", ":")
    )
