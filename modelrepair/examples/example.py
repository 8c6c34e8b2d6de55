"""An example, and a set of them: what they are, and the digest that is their identity."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from modelrepair.errors import ExampleSetError
from modelrepair.examples.row import FORM
from modelrepair.plugin.names import SetName

ROLES = ("system", "user", "assistant")


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
        thought: what stands before the answer where the model thinks; None for nothing.
        kind: which kind of benign prompt it is, in a word; None where the set does not say.
    """

    messages: tuple[Message, ...]
    response: str | None
    exact: bool = False
    thought: str | None = None
    kind: str | None = None

    @property
    def prompt(self) -> str:
        """The contents of all messages, joined by newlines."""
        return "\n".join(message.content for message in self.messages)

    @cached_property
    def key(self) -> str:
        """Which prompt this is: the same for prompts that differ in case or white space alone."""
        normalised = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", self.prompt).lower())
        return hashlib.sha256(normalised.strip().encode()).hexdigest()

    @property
    def prompt_digest(self) -> str:
        """Which prompt this is, to the letter: SHA-256 of its messages."""
        turns = [[message.role, message.content] for message in self.messages]
        return hashlib.sha256(json.dumps(turns, separators=(",", ":")).encode()).hexdigest()

    @cached_property
    def digest(self) -> str:
        """Which example this is: SHA-256 of its canonical JSON."""
        record: dict[str, object] = {
            "messages": [[message.role, message.content] for message in self.messages],
            "response": self.response,
            "exact": self.exact,
        }
        if self.thought is not None:
            record["thought"] = self.thought
        if self.kind is not None:
            record["kind"] = self.kind
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
        duplicates: how many lines were left out since the set has their prompt already.
        commit: of a set on the Hub, the full hash that it was read at.
        licence: as its card, or whoever registered it, gives it.
        preference: whether its rows hold a better and a worse answer.
        faults: why rows of a published set were left out, once for each.
        own_answers: whether the source is to answer these prompts itself.
    """

    name: SetName
    id: str
    examples: tuple[Example, ...]
    digest: str
    duplicates: int = 0
    commit: str | None = None
    licence: str | None = None
    preference: bool = False
    faults: tuple[str, ...] = ()
    own_answers: bool = False

    @property
    def answered(self) -> bool:
        """Whether there are answers, or will be."""
        return self.own_answers or any(each.response is not None for each in self.examples)


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
        raise ExampleSetError(
            f"{id}: the {name} set is empty", hint=f"a set holds {FORM}", id="set-empty"
        )
    ordered = tuple(kept[key] for key in sorted(kept))
    digest = hashlib.sha256("\n".join(sorted(e.digest for e in ordered)).encode()).hexdigest()
    return ExampleSet(name, id, ordered, digest, total - len(ordered))
