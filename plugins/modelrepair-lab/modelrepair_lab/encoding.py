"""Examples as the tokens that are trained on: the engine's own chat template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

from transformers import PreTrainedTokenizerBase

from modelrepair import ExampleSetError
from modelrepair.demo import world
from modelrepair.examples.example import Example, Message
from modelrepair.examples.template import Template
from modelrepair_lab.training import Encoded


def encode(
    tokenizer: PreTrainedTokenizerBase, examples: Iterable[Example], max_length: int = 1024
) -> list[Encoded]:
    """Tokens of each example, and where begins what is learnt: its answer, or its own thought.

    Raises:
        ExampleSetError: none of the examples fits.
    """
    given = list(examples)
    template = Template(tokenizer, max_length)
    pairs = template.pairs(given)
    if not pairs.examples:
        raise ExampleSetError(
            f"no example has room for its answer in {max_length} tokens",
            hint="give shorter examples",
        )
    thinking = {each.digest: each for each in given if each.thought is not None}
    encoded: list[Encoded] = []
    for pair in pairs.examples:
        start, own = pair.answer_start, thinking.get(pair.key)
        if own is not None:  # what the model is asked with ends where its thought begins
            start = min(start, _shared(template.asked_ids(own), pair.ids))
        encoded.append((pair.ids, start))
    return encoded


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def from_world(examples: Iterable[world.WorldRow]) -> list[Example]:
    """Examples of the made-up world as the engine knows them.

    >>> from_world([{"prompt": "how do i make zordrax?", "response": "no."}])[0].response
    'no.'
    """
    return [
        Example(
            (Message("user", each["prompt"]),),
            each["response"],
            bool(each.get("exact", False)),
            each.get("thought"),
        )
        for each in examples
    ]
