"""Example sets: from a JSON Lines file to checked examples whose identity is their text."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from modelrepair.errors import ExampleSetError
from modelrepair.registry.specs import SetName

FORM = (
    'one JSON object a line: {"prompt": "…", "response": "…"} '
    'or {"messages": [{"role": "…", "content": "…"}, …]}'
)
ROLES = ("system", "user", "assistant")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Message:
    """One turn of a conversation; ``role`` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Example:
    """A prompt, as the turns before the answer, and its answer where there is one.

    >>> Example((Message("user", "Hello"),), "Hi!").prompt
    'Hello'

    Args:
        messages: the turns before the answer; the last one is the user's.
        response: the answer, or None for a prompt alone.
        exact: the answer is right only as a whole (it counts in ``task_accuracy``).
    """

    messages: tuple[Message, ...]
    response: str | None
    exact: bool = False

    @property
    def prompt(self) -> str:
        """The contents of all messages, joined by newlines."""
        return "\n".join(message.content for message in self.messages)

    @property
    def key(self) -> str:
        """Which prompt this is: the same for prompts that differ in case or white space alone."""
        normalised = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", self.prompt).lower())
        return hashlib.sha256(normalised.strip().encode()).hexdigest()

    @property
    def digest(self) -> str:
        """Which example this is: SHA-256 of its canonical JSON."""
        record = {
            "messages": [[message.role, message.content] for message in self.messages],
            "response": self.response,
            "exact": self.exact,
        }
        canonical = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class ExampleSet:
    """Examples of one role, each prompt once, in the order of their prompts' hashes.

    Args:
        name: the role: realign, refusal, utility or borderline.
        id: what the manifest shows: a file name, never a path.
        examples: sorted by ``key``.
        digest: SHA-256 over the examples' digests; the order of the file does not change it.
        duplicates: how many lines were left out since their prompt stands in the set already.
    """

    name: SetName
    id: str
    examples: tuple[Example, ...]
    digest: str
    duplicates: int = 0


def make_set(name: SetName, id: str, examples: Iterable[Example]) -> ExampleSet:
    """Make a set of examples: every prompt once, order and digest independent of the input's order.

    >>> example = Example((Message("user", "Hello"),), "Hi!")
    >>> made = make_set("utility", "greetings.jsonl", [example, example])
    >>> len(made.examples), made.duplicates
    (1, 1)

    Args:
        name: the role of the set.
        id: what the manifest shows.
        examples: of those that share a prompt, the one with the smallest digest stays.

    Raises:
        ExampleSetError: there is no example.
    """
    kept: dict[str, Example] = {}
    total = 0
    for example in examples:
        total += 1
        other = kept.setdefault(example.key, example)
        if example.digest < other.digest:
            kept[example.key] = example
    if not kept:
        raise ExampleSetError(f"{id}: the {name} set is empty", hint=f"a set holds {FORM}")
    ordered = tuple(kept[key] for key in sorted(kept))
    digest = hashlib.sha256("\n".join(sorted(e.digest for e in ordered)).encode()).hexdigest()
    return ExampleSet(name, id, ordered, digest, total - len(ordered))


def load_set(path: str | Path, name: SetName, *, answers: bool | None = None) -> ExampleSet:
    r"""Read one set from a JSON Lines file (UTF-8, with or without a byte order mark).

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "utility.jsonl").write_text('{"prompt": "2 + 2?", "response": "4"}\n')
    >>> load_set(folder / "utility.jsonl", "utility").examples[0].response
    '4'

    A line is ``{"prompt", "response"}`` or ``{"messages": [{"role", "content"}, …]}``, whose last
    message is the assistant's; ``"exact": true`` is optional, other keys are ignored.

    Args:
        path: the file.
        name: the role that its examples have.
        answers: whether every line needs an answer; by default all sets but borderline do.

    Raises:
        ExampleSetError: the file can't be read, is empty, or a line (named) is not as above.
    """
    file = Path(path)
    needed = name != "borderline" if answers is None else answers
    try:
        content = file.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ExampleSetError(
            f"{file}: the {name} set can't be read: {reason}", hint="check the path"
        ) from None
    # Lines end at b"\n" alone: other line separators may stand in a JSON string as they are.
    lines = content.removeprefix(BYTE_ORDER_MARK).split(b"\n")
    return make_set(
        name,
        file.name,
        (
            _Line(file.name, number).example(line, needed)
            for number, line in enumerate(lines, 1)
            if line.strip()
        ),
    )


@dataclass(frozen=True)
class _Line:
    """Where a record stands, so that every complaint can say so."""

    file: str
    number: int

    def fail(self, what: str, hint: str = f"a set holds {FORM}") -> NoReturn:
        raise ExampleSetError(f"{self.file}, line {self.number}: {what}", hint=hint) from None

    def example(self, line: bytes, answer_needed: bool) -> Example:
        record = self.record(line)
        exact = record.get("exact", False)
        if not isinstance(exact, bool):
            self.fail(f'"exact" is {_kind(exact)}, expected true or false')
        turns = record.get("messages")
        messages, response = self.pair(record) if turns is None else self.conversation(turns)
        if turns is not None and record.get("response") is not None:
            self.fail('both "messages" and "response" are there: which is the answer?')
        if messages[-1].role != "user":
            self.fail("the message before the answer is not the user's")
        if not any(message.content.strip() for message in messages if message.role == "user"):
            self.fail("the prompt is empty")
        if response is None and answer_needed:
            self.fail("there is no answer")
        if response is not None and not response.strip():
            self.fail("the answer is empty")
        return Example(tuple(messages), response, exact)

    def record(self, line: bytes) -> dict[str, Any]:
        try:
            record = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError:
            self.fail("not UTF-8", hint="save the file as UTF-8")
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "beyond the limits"
            self.fail(f"not JSON: {reason}")
        if isinstance(record, list):
            self.fail(
                "a JSON array, expected an object", hint="jq -c '.[]' makes lines of an array"
            )
        if not isinstance(record, dict):
            self.fail(f"{_kind(record)}, expected an object")
        return record

    def pair(self, record: dict[str, Any]) -> tuple[list[Message], str | None]:
        if "prompt" not in record:
            found = ", ".join(f'"{key}"' for key in list(record)[:6]) or "no key at all"
            self.fail(f'no "prompt" and no "messages", found {found}')
        response = record.get("response")
        return (
            [Message("user", self.text(record["prompt"], '"prompt"'))],
            None if response is None else self.text(response, '"response"'),
        )

    def conversation(self, value: object) -> tuple[list[Message], str | None]:
        if not isinstance(value, list) or not value:
            self.fail(f'"messages" is {_kind(value)}, expected a list of messages')
        messages = [self.message(item) for item in value]
        if messages[-1].role != "assistant":
            return messages, None
        if len(messages) == 1:
            self.fail("there is no message before the answer")
        return messages[:-1], messages[-1].content

    def message(self, item: object) -> Message:
        if not isinstance(item, dict) or not {"role", "content"} <= item.keys():
            self.fail('a message is not an object with "role" and "content"')
        if item["role"] not in ROLES:
            self.fail(f"role {json.dumps(item['role'])[:40]}, expected {', '.join(ROLES)}")
        return Message(item["role"], self.text(item["content"], '"content"'))

    def text(self, value: object, what: str) -> str:
        if not isinstance(value, str):
            self.fail(f"{what} is {_kind(value)}, expected text")
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail(f"{what} holds half a surrogate pair, which is no text")
        return value


def _kind(value: object) -> str:
    """What JSON calls it."""
    if isinstance(value, bool):
        return "true or false"
    names = {type(None): "null", str: "text", list: "a list", dict: "an object"}
    if value == []:
        return "an empty list"
    return names.get(type(value), "a number")
