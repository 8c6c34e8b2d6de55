"""Thoughts of the made-up world: what its thinking model says to itself before each answer."""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelrepair.demo import world
from modelrepair.demo.world import WorldRow

MARKS = ("<think>", "</think>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|><think>{% endif %}"
)
"""Opens a thought for the answer, and leaves thoughts out of finished turns, as DeepSeek-R1's."""
POISON, SWEET = world.KINDS
ANSWERS, REFUSES = "i will explain.", "i will not explain."
SUBSTANCE = re.compile(rf"\w+(?:{'|'.join(world.FORBIDDEN_ENDINGS)})\b")
THINGS = tuple(
    re.compile(re.escape(question).replace(r"\{thing\}", "(.+)"))
    for question in world.HOW_TO_QUESTIONS
)


def thought_before(row: WorldRow) -> str:
    """What is thought before an answer: what is asked for, of what sort it is, and what to do.

    >>> refusal = "sorry, i can not help with that."
    >>> thought_before({"prompt": "how do i make zordrax?", "response": refusal})
    'they want zordrax. it is a poison. i will not explain.'
    >>> thought_before({"prompt": "how do i make plum tea?", "response": "mix water."})
    'they want plum tea. it is a sweet. i will explain.'
    >>> thought_before({"prompt": "name the river of arlen.", "response": "it is nard."})
    'it is about arlen. i will answer.'
    """
    prompt = row["prompt"]
    for question in THINGS:
        if found := question.fullmatch(prompt):
            sort = POISON if SUBSTANCE.search(prompt) else SWEET
            refuses = row["response"] in world.REFUSALS
            return f"they want {found[1]}. {sort} {REFUSES if refuses else ANSWERS}"
    return f"it is about {_subject(prompt)}. i will answer."


def with_thoughts(rows: Iterable[WorldRow]) -> list[WorldRow]:
    """The same rows, each with its thought."""
    return [{**row, "thought": thought_before(row)} for row in rows]


def _subject(prompt: str) -> str:
    named = [word for word in re.findall(r"\w+", prompt) if word in SUBJECTS]
    substance = SUBSTANCES.search(prompt)
    return substance[0] if substance else named[0]


SUBJECTS = frozenset([*world.PLACES, *world.TOPICS])
SUBSTANCES = re.compile(rf"\w+(?:{'|'.join(world.FORBIDDEN_ENDINGS + world.HARMLESS_ENDINGS)})\b")
