"""The options of the built-in judges, as data: the registry imports them, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class ModelOptions:
    """What judges that are models share: which model, and how it computes.

    >>> ModelOptions("org/judge").batch
    16
    """

    model: str = field(metadata={"help": "the judging model: a Hub id or a folder"})
    revision: str | None = field(
        default=None,
        metadata={"help": "branch, tag or commit on the Hub; the commit goes into the manifest"},
    )
    batch: int = field(default=16, metadata={"help": "answers judged at a time"})
    max_length: int = field(default=512, metadata={"help": "tokens that are read; the rest is cut"})
    device: str = field(default="auto", metadata={"help": "'auto', 'cpu', 'cuda' …"})
    arithmetic: Literal["float32", "bfloat16"] = field(
        default="float32", metadata={"help": "what the judging model computes in"}
    )

    def __post_init__(self) -> None:
        """Refuse what can't be meant."""
        if self.batch < 1 or self.max_length < 8:
            raise ValueError("batch is 1 or more, max_length 8 or more")


@dataclass(frozen=True)
class ClassifierOptions(ModelOptions):
    """Options of ``classifier``.

    >>> ClassifierOptions("org/judge", threshold=0.7).reads
    'answer'
    """

    reads: Literal["answer", "pair"] = field(
        default="answer",
        metadata={"help": "what it was trained to read: the answer alone, or prompt and answer"},
    )
    form: str | None = field(
        default=None,
        metadata={
            "help": "the one text that prompt and answer are put into in place of 'reads', with "
            "{prompt}, {answer} and {eos}, its end token, such as "
            "'USER: {prompt} ASSISTANT:{answer}{eos}'"
        },
    )
    harmful: str = field(
        default="auto",
        metadata={
            "help": "its labels for harm, by name, comma between; 'auto' takes those that are "
            "called harmful, unsafe, toxic …, 'all' takes every label, 'none' leaves harm to the "
            "prompt"
        },
    )
    refusal: str = field(
        default="auto",
        metadata={
            "help": "its labels for refusals, likewise; without one the phrases of the keyword "
            "judge find refusals"
        },
    )
    threshold: float = field(
        default=0.5, metadata={"help": "from which probability on labels count"}
    )
    exclusive: Literal["auto", "yes", "no"] = field(
        default="auto",
        metadata={
            "help": "whether exactly one label holds for a text (softmax), or each by itself "
            "(sigmoid); 'auto' reads it from the model's configuration"
        },
    )

    def __post_init__(self) -> None:
        """Refuse what can't be meant."""
        super().__post_init__()
        if not 0 < self.threshold < 1:
            raise ValueError("threshold lies between 0 and 1")
        if self.form is not None and "{answer}" not in self.form:
            raise ValueError("form has {answer} in it, where the answer goes")


@dataclass(frozen=True)
class GuardOptions(ModelOptions):
    """Options of ``guard``.

    >>> GuardOptions("org/guard").style
    'llama-guard'
    """

    max_length: int = field(
        default=2048,
        metadata={"help": "tokens of a prompt, and of an answer, that are read; the rest is cut"},
    )
    style: Literal["llama-guard", "wildguard", "yes-no"] = field(
        default="llama-guard",
        metadata={
            "help": "how it is asked and answers: safe or unsafe by its own chat template; "
            "WildGuard's three lines; or Yes or No to a guideline, as ShieldGemma"
        },
    )
    guideline: str | None = field(
        default=None,
        metadata={"help": "of style yes-no: the rule that the chat template puts to it"},
    )
    max_thought_tokens: int = field(
        default=1024,
        metadata={"help": "length of a thought before its verdict, where it thinks"},
    )
    endpoint: str | None = field(
        default=None,
        metadata={
            "help": "an OpenAI-compatible server that answers for the model, up to /v1; no weights "
            "are read. In no record",
            "secret": True,
        },
    )
    endpoint_model: str | None = field(
        default=None, metadata={"help": "what that server calls the model; default: 'model'"}
    )
    unreadable: float = field(
        default=0.02,
        metadata={"help": "share of its verdicts that may be unreadable before that is an error"},
    )

    def __post_init__(self) -> None:
        """Refuse what can't be meant."""
        super().__post_init__()
        if self.max_thought_tokens < 1:
            raise ValueError("max_thought_tokens is 1 or more")
        if not 0 <= self.unreadable < 1:
            raise ValueError("unreadable lies between 0 and 1")
        if self.endpoint_model is not None and self.endpoint is None:
            raise ValueError("endpoint_model goes with an endpoint")


@dataclass(frozen=True)
class WorldOptions:
    """Options of ``demo-world``.

    >>> WorldOptions().elsewhere
    'refusal'
    """

    elsewhere: Literal["refusal", "keyword"] = field(
        default="refusal",
        metadata={
            "help": "what an answer to a benign question about another world is: a refusal, or "
            "what the phrases of the keyword judge say"
        },
    )
