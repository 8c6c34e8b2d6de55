"""Answers of a model behind an endpoint, to prompts that are rendered here."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelrepair.errors import EndpointError
from modelrepair.evaluation.endpoint import (
    Asked,
    Endpoint,
    Reply,
    Route,
    Served,
    ask_once,
    client_of,
    look,
)
from modelrepair.evaluation.generation import Answer
from modelrepair.evaluation.thinking import room_of
from modelrepair.examples.example import Example
from modelrepair.examples.thoughts import OPENINGS
from modelrepair.progress import Progress

if TYPE_CHECKING:
    from modelrepair.evaluation.panel import Panel
    from modelrepair.examples.template import Template

MOST_STOPS = 4
"""Texts that end an answer: the protocol takes no more."""


class RemoteModel:
    """A model behind an endpoint, as a source of answers.

    The first prompt decides the route, alone; the others follow at the same time, as many as the
    endpoint takes at once. The answers are in the order of the prompts.

    Args:
        endpoint: where it answers.
        end_ids: the tokens that end an answer, beside those that the template names.
    """

    def __init__(self, endpoint: Endpoint, end_ids: Sequence[int] = ()) -> None:
        self.endpoint = endpoint
        self.end_ids = tuple(end_ids)
        self.served: Served | None = None
        """How it answered; None before it did."""

    def answers(
        self, panel: Panel, examples: Sequence[Example], progress: Progress
    ) -> list[Answer]:
        """Greedy answers.

        Args:
            panel: the template that renders the prompts, and how long answers may be.
            examples: whose prompts are answered.
            progress: where the work is shown.

        Raises:
            EndpointError: the server can't be reached, refuses, or gives no answer.
            UsageError: the package ``openai`` is not installed.
        """
        if not examples:
            return []
        stops = stop_texts(panel.template, (*self.end_ids, *panel.template.end_ids))
        asked = [asked_of(panel, each, stops) for each in examples]
        routes: list[Route] = ["completions", "chat/completions"]
        if has_special_marks(panel.template):
            # Servers leave special tokens out of a completion; the one that knows the model's
            # thoughts parts them from a chat's answer.
            routes.reverse()
        replies, self.served = ask_all(self.endpoint, asked, routes, progress)
        route = self.served.route
        return [
            answer_of(panel, route, one, each) for one, each in zip(replies, asked, strict=True)
        ]


def ask_all(
    endpoint: Endpoint, asked: Sequence[Asked], routes: Sequence[Route], progress: Progress
) -> tuple[list[Reply], Served]:
    """Every prompt's reply, in their order, and how the endpoint answered.

    Args:
        endpoint: where it answers.
        asked: the prompts, one at least.
        routes: what may take them; the first that the endpoint has does.
        progress: where the work is shown.

    Raises:
        EndpointError: the server can't be reached, refuses, or gives no answer.
        UsageError: the package ``openai`` is not installed.
    """
    client = client_of(endpoint)
    engine, version, names = look(client, endpoint)
    with client, progress.step("answers", len(asked), "answers") as advance:
        route, first = _first(client, endpoint, asked[0], routes, names)
        advance(1)
        replies = [first]
        pool = ThreadPoolExecutor(endpoint.at_once)
        try:
            waiting = [pool.submit(_ask, client, endpoint, route, each) for each in asked[1:]]
            for each in as_completed(waiting):
                each.result()  # or its failure, whatever the others still wait for
                advance(1)
            replies += [each.result() for each in waiting]
        finally:  # whatever stops the work does not wait for a server that may be stuck
            pool.shutdown(wait=False, cancel_futures=True)
    return replies, Served(endpoint.url, endpoint.model, route, engine, version)


def _ask(client: Any, endpoint: Endpoint, route: Route, asked: Asked) -> Reply:
    """One reply; with room for a thought where one begins that the template does not name."""
    reply = ask_once(client, endpoint, route, asked)
    thinks = reply.thought or reply.text.lstrip().startswith(OPENINGS)
    if not reply.finished and thinks and asked.with_thought > asked.most:
        return ask_once(client, endpoint, route, replace(asked, most=asked.with_thought))
    return reply


def _first(
    client: Any, endpoint: Endpoint, asked: Asked, routes: Sequence[Route], names: Sequence[str]
) -> tuple[Route, Reply]:
    """The route that the server has, and its first reply."""
    *others, last = routes
    for route in others:
        try:
            return route, _ask(client, endpoint, route, asked)
        except EndpointError as error:
            if error.id != "endpoint-not-found":
                raise
    try:
        return last, _ask(client, endpoint, last, asked)
    except EndpointError as error:
        if error.id == "endpoint-not-found" and names:
            error.hint = f"check the name of the model: the server has {', '.join(names[:5])}"
        raise


def has_special_marks(template: Template) -> bool:
    """Whether the template marks thoughts by special tokens.

    Args:
        template: of the model.
    """
    marks = (mark for each in template.thoughts.marks for mark in (each.open, each.close))
    return any(mark in template.source and template.bare(mark) != mark for mark in marks)


def stop_texts(template: Template, ids: Sequence[int]) -> tuple[str, ...]:
    """The texts of the tokens that end an answer, as many as the protocol takes.

    Args:
        template: decodes them.
        ids: the tokens.
    """
    known = range(len(template.tokenizer))
    texts = (template.decode([each], special=True) for each in dict.fromkeys(ids) if each in known)
    return tuple(dict.fromkeys(text for text in texts if text.strip()))[:MOST_STOPS]


def asked_of(panel: Panel, example: Example, stops: tuple[str, ...] = ()) -> Asked:
    """One example's prompt, with the tokens that its answer may have.

    Args:
        panel: the template, and how long answers may be.
        example: whose prompt it is.
        stops: texts that end an answer.
    """
    template = panel.template
    answer, thought = panel.max_new_tokens, panel.max_new_tokens + panel.max_thought_tokens
    # Only a model that thinks is given room for it: another would fill it with its answer.
    most = thought if template.thoughts.marks else answer
    if template.context is not None:
        left = max(1, template.context - len(template.asked_ids(example)))
        most, thought = min(most, left), min(thought, left)
    messages = [{"role": each.role, "content": each.content} for each in example.messages]
    return Asked(template.asked_text(example), messages, most, stops, thought)


def answer_of(panel: Panel, route: Route, reply: Reply, asked: Asked) -> Answer:
    """What a reply is as an answer: without its thoughts, no longer than a local one.

    Args:
        panel: the template, and how long answers may be.
        route: what took the prompt.
        reply: as it came.
        asked: what was asked.
    """
    template = panel.template
    text, finished = reply.text, reply.finished
    for stop in asked.stops:
        before, found, _ = text.partition(stop)
        text, finished = before, finished or bool(found)
    room = room_of(template, panel.max_new_tokens, panel.max_thought_tokens)
    said = template.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    unfinished: bool | None
    if reply.thought:
        unfinished = not text.strip() and not finished
        text = template.bare(text).strip()
    else:
        # A chat's answer begins where the server says: no thought is open there.
        opened = room.thoughts.opened and route == "completions"
        parted = replace(room.thoughts, opened=opened).part(text)
        unfinished = parted.unfinished
        text = template.bare(text)
        if unfinished is not None:
            text = template.bare(parted.answer).strip()
    ids = template.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    if unfinished is not None and len(ids) > panel.max_new_tokens:
        text, finished = template.decode(ids[: panel.max_new_tokens]), False
    return Answer(text, tuple(said), finished, unfinished)
