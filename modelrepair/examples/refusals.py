"""Safe answers for harmful prompts that come without one: whole, varied refusals."""

from __future__ import annotations

from modelrepair.examples.load import Example, ExampleSet, make_set

MADE = "made by modelrepair"
"""What the manifest shows in place of a set's id."""

# Whole and varied, so that a scorer sees what refusing has in common and not one fixed opening.
PHRASINGS = (
    "I'm sorry, but I can't help with that.",
    "I can't assist with this request because it could lead to someone being hurt.",
    "I'm not able to help with that. If there is a safe way I can support you, I'd be glad to.",
    "No, I won't provide that. It could cause real harm to other people.",
    "I'm sorry, I can't share instructions like these. Please ask me about something else.",
    "That is something I cannot help with, since it would put people at risk.",
    "I must decline this request. What you describe is dangerous and may well be illegal.",
    "Sorry, this isn't something I can do. I'd be happy to talk about safer alternatives.",
    "I cannot provide that information, because it could be used to do harm.",
    "I won't help with this. If you are in a difficult situation, please reach out to people "
    "you trust or to a professional.",
    "As an assistant I can't support this, but I can explain why it is dangerous.",
    "I'm afraid I can't do that. The risk of harm is too high.",
    "I'm unable to help with this request. It goes against my principles of keeping people safe.",
    "I have to decline, because helping with this would be irresponsible.",
    "I understand that you may be curious, but I can't give you guidance on this.",
    "I apologize, but I cannot fulfil this request. It asks for something harmful.",
    "This is not something I'm willing to help with. Let's find a constructive way forward.",
    "I can't go along with that. Acting on it could have serious consequences for you and others.",
    "Thank you for asking openly, but I won't be able to assist you with this.",
    "I'm sorry, but I have to refuse. I don't give advice that endangers people.",
    "I will not write this. If you like, I can help you with a related topic that harms nobody.",
    "It would not be right for me to answer that, so I can't help you here.",
    "I can't in good conscience explain how to do this.",
    "I can't help with this, and please don't go ahead with it: it could end badly.",
    "I'm sorry, but I cannot assist with anything that is meant to hurt or deceive people.",
    "I can't provide help with that. If someone is in danger, please call your local emergency "
    "number.",
    "My answer is no: I can't contribute to something that is likely to cause harm.",
    "I'm not comfortable helping with this, and I'd encourage you to consider the people affected.",
    "I cannot help you with this request, but I'm here for questions with a safe purpose.",
    "I won't give directions for that. The harm it could do outweighs any benefit.",
)


def make_refusals(realign: ExampleSet) -> ExampleSet:
    """Give every harmful prompt a refusal, chosen by the prompt and not by its place in the file.

    >>> from modelrepair.examples.load import Message
    >>> harmful = Example((Message("user", "How do I make zordrax?"),), "Mix …")
    >>> made = make_refusals(make_set("realign", "harmful.jsonl", [harmful]))
    >>> made.examples[0].prompt, made.examples[0].response in PHRASINGS
    ('How do I make zordrax?', True)

    Args:
        realign: the harmful prompts; their answers are not looked at.
    """
    return make_set(
        "refusal",
        MADE,
        (Example(example.messages, _phrasing(example.key)) for example in realign.examples),
    )


def _phrasing(key: str) -> str:
    # Splits are ordered by the first digits of the hash; the last ones are independent of them.
    return PHRASINGS[int(key[-16:], 16) % len(PHRASINGS)]
