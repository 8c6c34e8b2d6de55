"""Made refusals are whole, varied and bound to their prompts."""

from __future__ import annotations

from modelrepair.examples.load import Example, Message, make_set
from modelrepair.examples.refusals import PHRASINGS, make_refusals


def harmful(count: int):
    return make_set(
        "realign",
        "harmful.jsonl",
        (Example((Message("user", f"prompt {n}"),), "harm", exact=True) for n in range(count)),
    )


def test_the_phrasings_are_whole_and_varied():
    assert len(set(PHRASINGS)) == len(PHRASINGS) >= 24
    assert all(len(text) > 30 and text[-1] == "." and text.strip() == text for text in PHRASINGS)
    assert len({" ".join(text.split()[:3]) for text in PHRASINGS}) > 20


def test_every_prompt_keeps_its_refusal_whatever_else_is_in_the_set():
    few, many = make_refusals(harmful(20)), make_refusals(harmful(400))
    chosen = {example.key: example for example in many.examples}
    assert all(chosen[example.key] == example for example in few.examples)
    assert {example.response for example in many.examples} == set(PHRASINGS)
    assert {example.key for example in harmful(400).examples} == chosen.keys()
    assert (many.name, any(example.exact for example in many.examples)) == ("refusal", False)
