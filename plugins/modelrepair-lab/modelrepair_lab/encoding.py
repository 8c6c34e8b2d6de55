"""Examples as the tokens that are trained on: the engine's own chat template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from transformers import PreTrainedTokenizerBase

from modelrepair import ExampleSetError, Progress
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
    pairs = Template(tokenizer, max_length).pairs(examples)
    if not pairs.examples:
        raise ExampleSetError(
            f"no example has room for its answer in {max_length} tokens",
            hint="give shorter examples",
        )
    return [(pair.ids, pair.answer_start) for pair in pairs.examples]


def encode_all(
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    max_length: int,
    progress: Progress,
) -> list[Encoded]:
    """As `encode`, and says how many examples have no room and are left out.

    Raises:
        ExampleSetError: none of the examples fits.
    """
    found = encode(tokenizer, examples, max_length)
    if missing := len(examples) - len(found):
        progress.note(
            f"{missing} of {len(examples)} examples left out: their prompts leave no room for an "
            f"answer in {max_length} tokens"
        )
    return found


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
