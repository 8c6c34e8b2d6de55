"""From a row to an example: which columns hold the prompt, the answer, the whole conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from modelrepair.examples.example import ROLES, Example, Message
from modelrepair.examples.filters import value_of
from modelrepair.examples.kinds import BENIGN, LONGEST_KIND
from modelrepair.examples.row import CONVERSATIONS, FORM, Row, kind_of
from modelrepair.examples.thoughts import own_thought
from modelrepair.plugin.names import SetName

ALIASES: Mapping[str, tuple[str, ...]] = {
    "messages": CONVERSATIONS,
    "chosen": ("chosen",),
    "rejected": ("rejected",),
    "prompt": ("prompt", "instruction", "question", "input"),
    "input": ("input", "context"),
    "response": ("response", "completion", "output", "answer"),
    "system": ("system", "system_prompt"),
    "exact": ("exact",),
    "thought": ("thought",),
    "kind": ("kind",),
}
"""Field → the columns that it is looked for in by default, the first that holds something."""

FIELDS = tuple(ALIASES)
TAKES_INPUT = ("instruction", "question")
SHAREGPT = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant",
            "system": "system"}  # fmt: skip
SPEAKERS = {"Human": "user", "Assistant": "assistant"}
_KIND = re.compile(rf"[\w][\w .+&-]{{0,{LONGEST_KIND - 1}}}")
_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant):")


def example_of(row: Row, columns: Mapping[str, str], role: SetName) -> Example:
    """The example that a row holds, in whichever form.

    >>> row = Row("a.csv, line 2", {"question": "2 + 2?", "answer": "4"})
    >>> example_of(row, {}, "utility").messages
    (Message(role='user', content='2 + 2?'),)

    Args:
        row: the record.
        columns: field → column, where the user or a registered set names them.
        role: of preference data the realign set takes what was rejected, every other what was
            chosen.

    Raises:
        ExampleSetError: naming the row.
    """
    record = _Record(row, columns)
    exact = record.exact()
    if is_preference(row.record, columns):
        messages, response = _preference(record, "rejected" if role == "realign" else "chosen")
    elif (turns := record.get("messages")) is not None:
        if record.column("response") == "response" and record.get("response") is not None:
            row.fail('both "messages" and "response" are there: which is the answer?')
        messages, response = conversation(row, turns, record.column("messages"))
    else:
        messages, response = _pair(record)
    system = record.get("system")
    if system is not None and messages[0].role != "system":
        said = text_of(row, system, '"system"')
        messages = [Message("system", said), *messages] if said.strip() else messages
    if messages[-1].role != "user":
        row.fail("the message before the answer is not the user's")
    if not any(message.content.strip() for message in messages if message.role == "user"):
        row.fail("the prompt is empty")
    thought = record.thought()
    if response is not None and thought is None:
        thought, response = own_thought(response)
    if response is not None and not response.strip():
        row.fail("the answer is empty")
    kind = record.kind() if role in BENIGN else None
    return Example(tuple(messages), response, exact, None if response is None else thought, kind)


def is_preference(record: Mapping[str, Any], columns: Mapping[str, str]) -> bool:
    """Whether a row holds a better and a worse answer.

    >>> is_preference({"chosen": "No.", "rejected": "Sure."}, {})
    True
    """
    if "messages" in columns or ("response" in columns and "chosen" not in columns):
        return False
    return all(
        value_of(record, columns.get(field, field)) is not None for field in ("chosen", "rejected")
    )


def alternates(example: Example) -> bool:
    """Whether user and assistant take turns, after the system's message where there is one."""
    roles = [message.role for message in example.messages]
    if roles[0] == "system":
        roles = roles[1:]
    return all(role == ("user", "assistant")[place % 2] for place, role in enumerate(roles))


def conversation(row: Row, value: Any, name: str) -> tuple[list[Message], str | None]:
    """The turns before the last answer, and that answer.

    Args:
        row: where the conversation stands.
        value: messages with role and content, or with from and value; as a list, as JSON text
            in a table's cell, or as columns of lists.
        name: what complaints call the column.

    Raises:
        ExampleSetError: naming the row.
    """
    messages = [_message(row, item) for item in _turns(row, value, name)]
    if messages[-1].role != "assistant":
        return messages, None
    if len(messages) == 1:
        row.fail("there is no message before the answer")
    return messages[:-1], messages[-1].content


def dialogue(text: str) -> list[Message] | None:
    r"""The turns of a text that is written as "Human: … Assistant: …", or None.

    >>> dialogue("\n\nHuman: Hi\n\nAssistant: Hello")
    [Message(role='user', content='Hi'), Message(role='assistant', content='Hello')]
    """
    before, *parts = _TURN.split(text)
    if before.strip() or not parts:
        return None
    turns = zip(parts[::2], parts[1::2], strict=True)
    return [Message(SPEAKERS[speaker], said.strip()) for speaker, said in turns]


def text_of(row: Row, value: object, what: str) -> str:
    """A value that has to be text.

    Raises:
        ExampleSetError: it is none, or half a character.
    """
    if not isinstance(value, str):
        row.fail(f"{what} is {kind_of(value)}, expected text")
    try:
        value.encode()
    except UnicodeEncodeError:
        row.fail(f"{what} holds half a surrogate pair, which is no text")
    return value


class _Record:
    """A row read by fields."""

    def __init__(self, row: Row, columns: Mapping[str, str]) -> None:
        self.row = row
        self.columns = columns

    def column(self, field: str) -> str:
        """The column that a field is in: the one named, else the first that holds something."""
        if field in self.columns:
            return self.columns[field]
        if field == "messages" and "prompt" in self.columns:
            return ""
        found = (name for name in ALIASES[field] if self.row.record.get(name) is not None)
        return next(found, ALIASES[field][0])

    def get(self, field: str) -> Any:
        return value_of(self.row.record, self.column(field))

    def exact(self) -> bool:
        value = self.get("exact")
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            value = value.strip().lower() == "true"
        if value is not None and not isinstance(value, bool):
            self.row.fail(f'"exact" is {kind_of(value)}, expected true or false')
        return bool(value)

    def thought(self) -> str | None:
        value = self.get("thought")
        said = "" if value is None else text_of(self.row, value, f'"{self.column("thought")}"')
        return said.strip() or None

    def kind(self) -> str | None:
        value = self.get("kind")
        said = value.strip() if isinstance(value, str) else value
        if said in (None, "") or (isinstance(said, str) and _KIND.fullmatch(said)):
            return said or None
        # A column that is called so by chance may hold anything, and is ignored as others are.
        if "kind" in self.columns:
            self.row.fail(
                f'"{self.column("kind")}" is no short name of a kind of prompt',
                f"a kind has at most {LONGEST_KIND} letters, such as how-to",
            )
        return None


def _pair(record: _Record) -> tuple[list[Message], str | None]:
    row, column = record.row, record.column("prompt")
    prompt, response = record.get("prompt"), record.get("response")
    if column not in row.record and prompt is None:
        found = ", ".join(f'"{key}"' for key in list(row.record)[:6]) or "no key at all"
        row.fail(
            'no "prompt" and no "messages"',
            f"found {found}: name the columns with --…-columns, such as "
            "prompt=question,response=reply",
        )
    if prompt is None:
        row.fail("the prompt is empty" if column in row.record else f"{column} is empty")
    if isinstance(prompt, list) and any(isinstance(turn, dict) for turn in prompt):
        messages, answer = conversation(row, prompt, column)
        if answer is not None and response is None:
            return messages, answer
        messages = messages if answer is None else [*messages, Message("assistant", answer)]
    else:
        said = text_of(row, prompt, f'"{column}"')
        more = record.get("input") if column in TAKES_INPUT or "input" in record.columns else None
        if more is not None and record.column("input") != column:
            added = text_of(row, more, f'"{record.column("input")}"')
            said = f"{said}\n\n{added}" if added.strip() else said
        messages = [Message("user", said)]
    if response is None:
        return messages, None
    if isinstance(response, list):
        response = _turns(row, response, record.column("response"))
        return messages, _message(row, response[-1]).content
    return messages, text_of(row, response, f'"{record.column("response")}"')


def _preference(record: _Record, field: str) -> tuple[list[Message], str | None]:
    """The answer that was chosen or rejected, with the turns before it."""
    row, value = record.row, record.get(field)
    prompt = value_of(row.record, record.columns.get("prompt", "prompt"))
    value = _unpacked(value)
    if isinstance(value, str):
        turns = dialogue(text_of(row, value, f'"{field}"'))
        if turns is None:  # the answer alone
            before = dialogue(prompt) if isinstance(prompt, str) else None
            if before is None:
                messages, _ = _pair(_Record(row, {**record.columns, "response": field}))
                return messages, value
            kept = before[:-1] if before[-1] == Message("assistant", "") else before
            return kept, value.strip()
    else:
        turns = [_message(row, item) for item in _turns(row, value, field)]
        if turns[0].role == "assistant" and prompt is not None:
            messages, _ = _pair(_Record(row, {**record.columns, "response": field}))
            turns = [*messages, *turns]
    if turns[-1].role != "assistant" or len(turns) < 2:
        row.fail(f'"{field}" does not end with an answer to a prompt')
    return turns[:-1], turns[-1].content


def _unpacked(value: Any) -> Any:
    """The turns in a table's cell, which keeps them as JSON; any other text stays text."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    try:
        turns = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return turns if turns and all(isinstance(turn, dict) for turn in turns) else value


def _turns(row: Row, value: Any, name: str) -> Sequence[Any]:
    value = _unpacked(value)
    if isinstance(value, dict) and value and all(isinstance(v, list) for v in value.values()):
        rows = zip(*value.values(), strict=False)
        value = [dict(zip(value, turn, strict=True)) for turn in rows]
    if not isinstance(value, list) or not value:
        row.fail(f'"{name}" is {kind_of(value)}, expected a list of messages')
    return value


def _message(row: Row, item: object) -> Message:
    if isinstance(item, dict) and item.get("from") is not None and "value" in item:
        role = SHAREGPT.get(item["from"]) if isinstance(item["from"], str) else None
        if role is None:
            row.fail(
                f'a message\'s "from" is none of {", ".join(SHAREGPT)}',
                f"it is {json.dumps(item['from'])[:40]}; a set holds {FORM}",
            )
        return Message(role, text_of(row, item["value"], '"value"'))
    if not isinstance(item, dict) or not {"role", "content"} <= item.keys():
        row.fail('a message is not an object with "role" and "content"')
    if item["role"] not in ROLES:
        row.fail(
            f"a message's role is none of {', '.join(ROLES)}",
            f"it is {json.dumps(item['role'])[:40]}; a set holds {FORM}",
        )
    content = item["content"]
    if isinstance(content, list) and content and all(_is_text(part) for part in content):
        content = "\n".join(part["text"] for part in content)
    return Message(item["role"], text_of(row, content, '"content"'))


def _is_text(part: object) -> bool:
    if not isinstance(part, dict) or part.get("type") != "text":
        return False
    return isinstance(part.get("text"), str)
