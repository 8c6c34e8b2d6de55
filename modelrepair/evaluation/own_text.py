"""The package's own text: plain technical English that no example set holds, as models read it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrepair.evaluation.results import TEXT, ExampleResult
from modelrepair.plugin.repairer import TokenizedExample

if TYPE_CHECKING:
    from modelrepair.engine.skeleton import ReadWeight, Skeleton
    from modelrepair.evaluation.panel import Panel
    from modelrepair.examples.template import Template
    from modelrepair.progress import Progress

FILE = Path(__file__).with_name("own_text.txt")
TOKENS = 2100
"""About how many tokens it has, for an estimate of the time."""
SPELLED = 0.5
"""Share of letters, bytes and unknown tokens above which a tokenizer does not know the language."""
BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")
MARKS = "▁Ġ# "
"""What tokenizers put before a word, or before the rest of one."""


@dataclass(frozen=True)
class OwnText:
    """The text as a model reads it.

    Args:
        passages: those that it can follow; none where the tokenizer spells most of them.
        spelled: share of the tokens that are single letters or digits, bytes, or unknown.
    """

    passages: tuple[TokenizedExample, ...]
    spelled: float

    @property
    def tokens(self) -> int:
        """Tokens whose loss is taken: each but the first, which nothing stands before."""
        return sum(len(each.ids) - each.answer_start for each in self.passages)


@cache
def own_text() -> tuple[str, ...]:
    """The passages of the text, about 65 words each.

    >>> len(own_text()), own_text()[0][:15]
    (28, 'A bicycle chain')
    """
    return tuple(part.strip() for part in FILE.read_text("utf-8").split("\n\n"))


def text_digest() -> str:
    """SHA-256 of the text.

    >>> len(text_digest())
    64
    """
    return hashlib.sha256("\n\n".join(own_text()).encode()).hexdigest()


def as_read(template: Template) -> OwnText:
    """The text as the tokens of a model, without any chat template.

    Args:
        template: whose tokenizer it is, and how much the model reads at once.
    """
    tokenizer: Any = template.tokenizer
    first = tokenizer.bos_token_id
    own_first = first is not None and list(tokenizer("").input_ids)[:1] == [first]
    lead = (int(first),) if own_first else ()
    start = max(1, len(lead))
    read, pieces = [], []
    for index, passage in enumerate(own_text()):
        ids = tokenizer(passage, add_special_tokens=False, verbose=False).input_ids
        pieces += list(zip(tokenizer.convert_ids_to_tokens(ids), ids, strict=True))
        known = template.vocabulary is None or max(ids, default=0) < template.vocabulary
        whole = (*lead, *ids)[: template.max_length]
        if known and len(whole) > start:
            read.append(TokenizedExample(whole, start, f"{TEXT} {index:03}"))
    spelled = sum(_is_spelled(str(piece), id == tokenizer.unk_token_id) for piece, id in pieces)
    share = spelled / len(pieces) if pieces else 1.0
    return OwnText(() if share > SPELLED else tuple(read), share)


def follow_text(
    panel: Panel,
    text: OwnText,
    skeleton: Skeleton,
    read: ReadWeight,
    folder: Path,
    progress: Progress,
) -> list[ExampleResult]:
    """How well a model predicts the text: one pass, block by block, a result a passage.

    Args:
        panel: how the passages are made batches.
        text: as the model reads it.
        skeleton: the model on the meta device.
        read: gives its weights.
        folder: where the pass may keep hidden states.
        progress: receives the pass.
    """
    from modelrepair.engine.passes.passes import Work
    from modelrepair.engine.passes.statistics import SetBatches
    from modelrepair.evaluation.evaluate import followed
    from modelrepair.evaluation.panel import batches_of

    if not text.passages:
        return []
    group = SetBatches("utility", tuple(batches_of(panel, text.passages)))
    found = {each.key: each for each in followed(Work(skeleton, read, [group], folder), progress)}
    return [
        ExampleResult(TEXT, int(key.split()[1]), None, one.hits, one.counted, one.loss)
        for key, one in sorted(found.items())
    ]


def _is_spelled(piece: str, unknown: bool) -> bool:
    """Whether a token is no more than a letter, a digit or a byte, or is unknown."""
    bare = piece.strip(MARKS)
    return unknown or not bare or bool(BYTE.fullmatch(piece)) or (len(bare) == 1 and bare.isalnum())
