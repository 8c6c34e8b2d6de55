"""Stage 2, the vocabulary: its size and its tokenizer, against the base's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule, Severity, listed
from modelrepair.auditing.structure.digests import read_small, same_bytes
from modelrepair.auditing.structure.shapes import embedding_rows
from modelrepair.auditing.structure.tokenizers import Difference, compare
from modelrepair.checkpoint.config import of_text
from modelrepair.checkpoint.untrusted import parse_json
from modelrepair.errors import DamagedCheckpointError
from modelrepair.text.printable import printable

SIZE = Rule(
    "MR-TOK-001",
    "structure",
    "warning",
    "vocabulary-size",
    "the vocabulary has another size than the base's",
    "look at which tokens were added; a smaller one than the base's is rare",
)
TOKENIZER = Rule(
    "MR-TOK-002",
    "structure",
    "error",
    "tokenizer-differs",
    "the tokenizer makes other tokens of a text than the base's",
    "take the base's tokenizer, unless the author says why it was changed",
)
SPECIAL = Rule(
    "MR-TOK-003",
    "structure",
    "warning",
    "special-tokens-differ",
    "other special tokens than the base's begin, end or fill a text",
    "look at which: another end of turn may be the author's format, or keep the model talking",
)

_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "tiktoken.model",
)
"""What makes tokens of a text; the first that a model has is what loaders take."""
_ENDS = ("bos_token", "eos_token", "unk_token", "sep_token", "cls_token", "mask_token")
_FLAGS = ("add_bos_token", "add_eos_token", "do_lower_case", "add_prefix_space")
_PARTS = 8_000_000
"""Parts of a tokenizer's JSON: one of 260,000 words with its merges has 2.5 million."""


def size(context: Context) -> Finding:
    """Rows of the embedding and ``vocab_size``, against the base's."""
    base, target = context.known_base, context.target
    if target.is_adapter:
        return SIZE.not_applicable("an adapter has its base's vocabulary; see MR-ADP-001")
    own, its = _sizes(target), _sizes(base)
    compared = {key: [its[key], own[key]] for key in own.keys() & its.keys()}
    if not compared:
        return SIZE.inconclusive("no size of both vocabularies is known")
    changed = {key: sizes for key, sizes in sorted(compared.items()) if sizes[0] != sizes[1]}
    if not changed:
        return SIZE.clear(f"{next(iter(compared.values()))[0]:,} tokens, as the base", **own)
    key, (before, after) = next(iter(changed.items()))
    grown = all(after > before for before, after in changed.values())
    said = f"{key.replace('_', ' ')} {after:,}, in the base {before:,}"
    return SIZE.found(said, severity="note" if grown else "warning", sizes=changed)


def _sizes(model: Opened) -> dict[str, int]:
    said, rows = of_text(model.config).get("vocab_size"), embedding_rows(model)
    found = {"vocab_size": said, "embedding_rows": rows}
    return {key: value for key, value in found.items() if type(value) is int}


def tokenizer(context: Context) -> Finding:
    """The files that make tokens of a text: by their digests, then by what they hold."""
    base, target = context.known_base, context.target
    own = [name for name in _FILES if name in target.files]
    both = [name for name in own if name in base.files]
    if not own:
        return _no_tokenizer(target, base)
    if not both:
        return TOKENIZER.inconclusive(
            f"{listed(own)} has no counterpart in the base", files_here=own
        )
    differing = [name for name in both if not same_bytes(target, base, name)]
    if not differing:
        return TOKENIZER.clear(f"{listed(both)}: the base's, byte for byte", same=both)
    found: dict[str, Any] = {}
    gravest: Severity | None = None
    for name in differing:
        difference = _difference(name, target, base)
        if difference.severity is not None:
            found[name] = difference.facts
            gravest = _graver(gravest, difference.severity)
    if gravest is None:
        return TOKENIZER.clear(f"{listed(differing)}: written otherwise, and the same tokens")
    said = "; ".join(f"{name}: {_said(facts)}" for name, facts in found.items())
    return TOKENIZER.found(said, files=found, severity=gravest, differs=found)


def _no_tokenizer(target: Opened, base: Opened) -> Finding:
    if target.is_adapter:
        return TOKENIZER.clear("the adapter has none: loaders take its base's")
    if any(name in base.files for name in _FILES):
        return TOKENIZER.found("the base has a tokenizer, and this model has none",
                               severity="warning")  # fmt: skip
    return TOKENIZER.inconclusive("neither model has a tokenizer of a known name")


def _difference(name: str, target: Opened, base: Opened) -> Difference:
    if name == "tokenizer.json":
        return compare(*(_tokenizer_json(model) for model in (target, base)))
    return Difference("warning", {"bytes": "differ"})


def _tokenizer_json(model: Opened) -> Mapping[str, Any]:
    name = "tokenizer.json"
    found = parse_json(read_small(model, name) or b"", name, parts=_PARTS)
    if not isinstance(found, dict):
        raise DamagedCheckpointError(f"{name} is no JSON object", hint="look at it by hand")
    return found


def _graver(one: Severity | None, other: Severity) -> Severity:
    order: tuple[Severity, ...] = ("note", "warning", "error")
    return other if one is None else max(one, other, key=order.index)


def _said(facts: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{value:,} {key.replace('_', ' ')}" if isinstance(value, int) else f"{key} {value}"
        for key, value in facts.items()
        if not isinstance(value, list | dict)
    )


def special(context: Context) -> Finding:
    """Tokens that begin, end and fill a text, and what is added without being asked."""
    base, target = context.known_base, context.target
    own, its = _special(target), _special(base)
    if own is None and target.is_adapter:
        return SPECIAL.clear("the adapter names none: loaders take its base's")
    if own is None or its is None:
        return SPECIAL.inconclusive("not both models have a tokenizer_config.json")
    keys = sorted(own.keys() | its.keys())
    changed = {key: [its.get(key), own.get(key)] for key in keys if own.get(key) != its.get(key)}
    if not changed:
        return SPECIAL.clear("the base's special tokens", tokens=own)
    grave = [key for key in changed if key in _ENDS[:2] + _FLAGS]
    said = "; ".join(f"{key} {after!r}, in the base {before!r}"
                     for key, (before, after) in changed.items())  # fmt: skip
    severity: Severity = "warning" if grave else "note"
    return SPECIAL.found(printable(said)[:400], severity=severity, changed=changed)


def _special(model: Opened) -> dict[str, Any] | None:
    name = "tokenizer_config.json"
    if name not in model.files:
        return None
    config = {**model.object("special_tokens_map.json"), **model.object(name)}
    found: dict[str, Any] = {}
    for key in (*_ENDS, "pad_token", *_FLAGS):
        value = config.get(key)
        value = value.get("content") if isinstance(value, dict) else value
        if isinstance(value, str | bool):
            found[key] = printable(value)[:200] if isinstance(value, str) else value
    more: list[Any] = []
    for key in ("additional_special_tokens", "extra_special_tokens"):
        named = config.get(key)
        more += list(named.values() if isinstance(named, dict) else named or ())
    texts = (each.get("content") if isinstance(each, dict) else each for each in more)
    found["others"] = sorted({printable(each)[:200] for each in texts if isinstance(each, str)})
    return found


CHECKS: tuple[Check[Context], ...] = (
    (SIZE, size),
    (TOKENIZER, tokenizer),
    (SPECIAL, special),
)
