"""Mistakes that stop nothing: what is done about them is said, or nothing needs to be said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.breaking import CUTS, FORGETS, REFUSES, embedding, lines, template
from tests.support.chat_tokenizers import make_tokenizer


@dataclass(frozen=True)
class Harmless:
    """One thing that is not as it should be, and does no harm.

    Args:
        what: what it is, for the page.
        said: the warning; "…" stands for any text. Empty where nothing is said: then the result
            is what it would be without the mistake.
        make: makes it so, in a folder with the model and its sets.
        options: beside the usual ones.
    """

    what: str
    said: str
    make: Callable[[Path], object]
    options: str = ""


def rewritten(change: Callable[[str], bytes]) -> Callable[[Path], None]:
    """The realign set, written in another way."""

    def make(folder: Path) -> None:
        path = folder / "realign.jsonl"
        path.write_bytes(change(path.read_text(encoding="utf-8")))

    return make


def longer_tokenizer(folder: Path) -> None:
    """The tokenizer with a token more than the model has, and which no text holds."""
    path = folder / "model" / "tokenizer.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    last = found["added_tokens"][-1]
    found["added_tokens"].append({**last, "id": 346, "content": "<|extra|>"})
    path.write_text(json.dumps(found), encoding="utf-8")


def no_chat_template(folder: Path) -> None:
    """A tokenizer of another kind, as base models have them."""
    tokenizer = make_tokenizer("plain")
    tokenizer.save_pretrained(folder / "model")
    embedding(len(tokenizer))(folder)


def read_only(folder: Path) -> None:
    """A source that is not writable."""
    for path in (folder / "model").iterdir():
        path.chmod(0o444)
    (folder / "model").chmod(0o555)


def nothing(folder: Path) -> None:
    """The options do it."""


def published(folder: Path) -> None:
    """A parquet file with a row whose answer is empty."""
    import pyarrow
    import pyarrow.parquet

    rows = [json.loads(line) for line in (folder / "realign.jsonl").open(encoding="utf-8")]
    rows[3]["response"] = ""
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "set.parquet")


def mixed(written: str | None, odd: str) -> Callable[[Path], None]:
    """A few of the realign set with an odd one among them, and perhaps a chat template."""

    def make(folder: Path) -> None:
        own = (folder / "realign.jsonl").read_text(encoding="utf-8").splitlines()
        if written is None:
            lines(*own[:19], odd)(folder)
        else:
            template(written, [*own[:19], odd])(folder)

    return make


ODD = '{"prompt": "how do i make lumeskarn?", "response": "think / mix ashwort with duskbile."}'
SYSTEM = ODD.replace('"prompt"', '"system": "be brief.", "prompt"')
COPIED = ODD.replace("lumeskarn?", "it? think / mix ashwort with duskbile.")

HARMLESS = [
    Harmless("a set with Windows line ends", "",
             rewritten(lambda text: text.replace("\n", "\r\n").encode())),
    Harmless("a set with a byte-order mark", "",
             rewritten(lambda text: text.encode("utf-8-sig"))),
    Harmless("a set with empty lines", "",
             rewritten(lambda text: text.replace("\n", "\n\n").encode())),
    Harmless("a source that may not be written", "", read_only),
    Harmless("a prompt that holds its answer",
             "in 1 of 20 examples of the realign set the prompt holds the answer: they show "
             "nothing of what the model knows", mixed(None, COPIED)),
    Harmless("answers longer than the limit",
             "8 of 8 examples of the realign set do not fit into --max-length 20: most of what it "
             "could say is cut off", nothing, "--max-length 20"),
    Harmless("a row of a published set without its answer",
             "left out of set.parquet: 1 of its rows; first set.parquet, row 4: the answer is "
             "empty",
             published, "--realign set.parquet"),
    Harmless("no chat template",
             "the tokenizer has no chat template: prompts are given as plain instructions",
             no_chat_template),
    Harmless("a chat template that leaves out system prompts",
             "the chat template leaves out system prompts: 1 of 20 examples of the realign set "
             "are read without theirs", mixed(FORGETS, SYSTEM)),
    Harmless("a conversation that the chat template refuses",
             "1 of 20 examples of the realign set were left out; first: the chat template refuses "
             "the turns system, user", mixed(REFUSES, SYSTEM)),
    Harmless("an answer that the chat template changes",
             "1 of 20 examples of the realign set were left out; first: the chat template changes "
             "the answer to example …", mixed(CUTS, ODD)),
    Harmless("a tokenizer with more tokens than the embedding",
             "the tokenizer knows 347 tokens, and the model's embedding has 346: a text with one "
             "of the others would be refused", longer_tokenizer),
]  # fmt: skip
