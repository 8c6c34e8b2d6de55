"""Stage 2, tensors: names, shapes and types by the headers, against config and base."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.checkpoint.config import check_counts, of_text
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.checkpoint.weight_files import INDEX
from modelrepair.checkpoint.wrapped import unwrapped
from modelrepair.errors import DamagedCheckpointError, InconclusiveError
from modelrepair.source.look import is_weights
from modelrepair.text.printable import printable

DAMAGED = Rule(
    "MR-STR-001",
    "structure",
    "error",
    "damaged-weights",
    "a header of the weights can't be read, or files, index and headers contradict each other",
    "ask the author to upload the weights again",
)
AGAINST_CONFIG = Rule(
    "MR-STR-002",
    "structure",
    "error",
    "config-against-weights",
    "config.json asks for layers or sizes that the weights do not have",
    "ask the author for the config that belongs to the weights",
)
SHAPES = Rule(
    "MR-STR-003",
    "structure",
    "error",
    "shapes-differ",
    "tensors have other shapes than in the base: it is no mere fine-tune of it",
    "ask the author which model it comes from; compare with that by --base",
)
DTYPES = Rule(
    "MR-STR-004",
    "structure",
    "note",
    "dtypes-differ",
    "tensors are of another data type than in the base",
    "know that each value was rounded or widened; lineage is compared after that",
)
MISSING = Rule(
    "MR-STR-005",
    "structure",
    "warning",
    "tensors-missing",
    "tensors of the base are not there: a loader draws them at random, or leaves the part out",
    "ask the author to add them, such as the vision tower or the heads for several tokens",
)
EXTRA = Rule(
    "MR-STR-006",
    "structure",
    "warning",
    "tensors-extra",
    "there are tensors that the base does not have",
    "ask the author what they are for: a loader drops them, or code of its own uses them",
)
TIED = Rule(
    "MR-STR-007",
    "structure",
    "note",
    "head-tied",
    "embedding and head are one tensor here and two in the base, or the other way round",
    "know that the head was trained apart, or was put in the embedding's place",
)
CLAIMED = Rule(
    "MR-STR-008",
    "structure",
    "warning",
    "size-claimed",
    "the index claims another size than the headers have",
    "ask the author to write the index again",
)

_ADAPTER = "an adapter's tensors add to the base's; MR-ADP-001 asks whether they fit"
_HEADS = re.compile(r"(^|\.)(lm_head|embed_out|output_projection)\.weight$")
_PARTS: Mapping[str, re.Pattern[str]] = {
    "heads for several tokens": re.compile(r"(^|\.)(mtp|nextn|shared_head|eh_proj|enorm|hnorm)"),
    "vision tower": re.compile(r"(^|\.)(vision|visual|image|vit|img)"),
    "audio tower": re.compile(r"(^|\.)(audio|speech|whisper)"),
    "projector": re.compile(r"(projector|aligner)"),
    "buffers": re.compile(r"(inv_freq|rotary_emb|masked_bias|attn\.bias|position_ids)$"),
}
"""What a fine-tune often loses, by the names of its tensors; buffers are worked out by loaders."""
_BLOCK = re.compile(r"(^|\.)(layers|h|blocks|block)\.\d+\.")


def whole(context: Context) -> tuple[Mapping[str, TensorEntry], Mapping[str, TensorEntry]]:
    """The tensors of a model and of its base by their names, without what training wrapped on.

    >>> whole(Context(None, 0))  # doctest: +SKIP

    Args:
        context: with a base.

    Raises:
        InconclusiveError: no base is known, or it is an adapter.
        ModelRepairError: headers can't be read.
    """
    base = context.known_base
    if base.is_adapter:
        raise InconclusiveError(
            f"{base.name} is an adapter itself", hint="name the whole model with --base"
        )
    return _named(context.target), _named(base)


def _named(model: Opened) -> dict[str, TensorEntry]:
    return {unwrapped(name): entry for name, entry in model.checkpoint.entries.items()}


def damaged(context: Context) -> Finding:
    """Whether the headers can be read and agree with files and index."""
    target = context.target
    if not any(is_weights(name) for name in target.files):
        return DAMAGED.inconclusive("there are no safetensors weights")
    try:
        entries = target.checkpoint.entries
    except DamagedCheckpointError as error:
        return DAMAGED.found(printable(str(error)), error=error.id)
    count = sum(each.entries for each in entries.values())
    return DAMAGED.clear(f"{len(entries):,} tensors with {count:,} parameters",
                         tensors=len(entries), parameters=count)  # fmt: skip


def against_config(context: Context) -> Finding:
    """Whether the weights hold the layers, sizes and parts that the config asks for."""
    target = context.target
    if target.is_adapter:
        return AGAINST_CONFIG.not_applicable("an adapter's layers are its base's")
    if not target.config:
        return AGAINST_CONFIG.inconclusive("there is no config.json")
    entries = tuple(target.checkpoint.entries.values())
    try:
        check_counts(target.config, entries)
    except DamagedCheckpointError as error:
        return AGAINST_CONFIG.found(printable(str(error)), files=["config.json"])
    rows, said = embedding_rows(target), of_text(target.config).get("vocab_size")
    if rows is not None and isinstance(said, int) and rows < said:
        why = f"config.json says vocab_size {said:,}, and the embedding has {rows:,} rows"
        return AGAINST_CONFIG.found(why, files=["config.json"], vocab_size=said, rows=rows)
    return AGAINST_CONFIG.clear("the weights hold all that config.json asks for")


def embedding_rows(model: Opened) -> int | None:
    """How many tokens the embedding of a model has a row for; None where none is found.

    >>> from modelrepair.auditing.opened import opened
    >>> from modelrepair.demo import paths
    >>> with opened(paths.attacked) as model:
    ...     embedding_rows(model)
    346

    Args:
        model: a whole model.

    Raises:
        ModelRepairError: its headers can't be read.
    """
    pattern = re.compile(
        r"(^|\.)(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings)\.weight$"
    )
    entries = model.checkpoint.entries.values()
    rows = [each.shape[0] for each in entries if pattern.search(each.name) and len(each.shape) == 2]
    return max(rows, default=None)


def shapes(context: Context) -> Finding:
    """Whether each tensor has the shape that it has in the base."""
    if context.target.is_adapter:
        return SHAPES.not_applicable(_ADAPTER)
    own, its = whole(context)
    both = own.keys() & its.keys()
    if not both:
        return SHAPES.found("no tensor has a name of the base's: another architecture",
                            tensors=len(own), base_tensors=len(its))  # fmt: skip
    changed = {name: [list(its[name].shape), list(own[name].shape)] for name in sorted(both)
               if own[name].shape != its[name].shape}  # fmt: skip
    if not changed:
        return SHAPES.clear(f"{len(both):,} tensors have the base's shapes", compared=len(both))
    rows = all(_rows_only(own[name], its[name]) for name in changed)
    name, (before, after) = next(iter(changed.items()))
    said = f"{len(changed):,} of {len(both):,} tensors: {printable(name)[:120]} is {after}, "
    return SHAPES.found(
        f"{said}in the base {before}",
        # A larger vocabulary is no other model: MR-TOK-001 says which.
        severity="note" if rows else "error",
        compared=len(both),
        count=len(changed),
        rows_only=rows,
        shapes=dict(list(changed.items())[:20]),
    )


def _rows_only(one: TensorEntry, other: TensorEntry) -> bool:
    """Whether it is an embedding or head that differs in its tokens alone."""
    named = re.search(r"(embed|wte|head|embed_out|output)[\w.]*$", one.name) is not None
    return named and not _BLOCK.search(one.name) and one.shape[1:] == other.shape[1:]


def dtypes(context: Context) -> Finding:
    """Whether each tensor is of the data type that it has in the base."""
    if context.target.is_adapter:
        return DTYPES.not_applicable(_ADAPTER)
    own, its = whole(context)
    both = sorted(own.keys() & its.keys())
    changed = Counter(
        f"{its[name].dtype} to {own[name].dtype}"
        for name in both
        if own[name].dtype != its[name].dtype
    )
    if not both:
        return DTYPES.inconclusive("no tensor has a name of the base's")
    if not changed:
        return DTYPES.clear(f"{len(both):,} tensors have the base's types", compared=len(both))
    said = ", ".join(f"{count:,} from {which}" for which, count in sorted(changed.items()))
    return DTYPES.found(f"of {len(both):,} tensors: {said}", compared=len(both),
                        changed=dict(sorted(changed.items())))  # fmt: skip


def missing(context: Context) -> Finding:
    """Tensors of the base that are not there; a head that is tied is there."""
    if context.target.is_adapter:
        return MISSING.not_applicable(_ADAPTER)
    own, its = whole(context)
    absent = _but_tied(sorted(its.keys() - own.keys()), context)
    return _differ(MISSING, absent, its, "none of the base's {count:,} tensors is missing")


def extra(context: Context) -> Finding:
    """Tensors that the base does not have."""
    if context.target.is_adapter:
        return EXTRA.not_applicable(_ADAPTER)
    own, its = whole(context)
    added = _but_tied(sorted(own.keys() - its.keys()), context)
    return _differ(EXTRA, added, own, "none of {count:,} tensors is beyond the base's")


def _differ(rule: Rule, names: list[str], of: Mapping[str, TensorEntry], none: str) -> Finding:
    if not names:
        return rule.clear(none.format(count=len(of)), count=len(of))
    parts = Counter(map(_part, names))
    said = ", ".join(f"{count:,} {part}" for part, count in sorted(parts.items()))
    # A loader works buffers out; a part of a block that is not there is no choice of training.
    severity = rule.severity
    if set(parts) == {"buffers"}:
        severity = "note"
    elif rule is MISSING and parts.keys() & {"of the blocks", "head"}:
        severity = "error"
    shown = [printable(name)[:200] for name in names]
    return rule.found(
        f"{len(names):,} tensors ({said}): {listed(shown)}",
        severity=severity,
        count=len(names),
        parts=dict(sorted(parts.items())),
        parameters=sum(of[name].entries for name in names),
        tensors=shown[:50],
    )


def _part(name: str) -> str:
    for part, pattern in _PARTS.items():
        if pattern.search(name):
            return part
    if _HEADS.search(name):
        return "head"
    return "of the blocks" if _BLOCK.search(name) else "others"


def _but_tied(names: Iterable[str], context: Context) -> list[str]:
    """Without a head that is the embedding: whether it is stored too makes no difference."""
    both = _ties(context.target, context.known_base) and _ties(context.known_base, context.target)
    return [name for name in names if not (both and _HEADS.search(name))]


def _ties(model: Opened, other: Opened) -> bool:
    """Whether the head is the embedding, which families with such a default leave unsaid."""
    for config in (model.config, other.config):
        for part in (config, of_text(config)):
            said = part.get("tie_word_embeddings")
            if isinstance(said, bool):
                return said
    # A file without a head needs none; so one of the same family that has it stores it twice.
    return not all(
        any(_HEADS.search(name) for name in each.checkpoint.entries) for each in (model, other)
    )


def tied(context: Context) -> Finding:
    """Whether the head is tied as in the base."""
    if context.target.is_adapter:
        return TIED.not_applicable(_ADAPTER)
    whole(context)
    own = _ties(context.target, context.known_base)
    its = _ties(context.known_base, context.target)
    if own == its:
        return TIED.clear("tied, as in the base" if own else "not tied, as in the base", tied=own)
    said = "tied here and not in the base" if own else "tied in the base and not here"
    return TIED.found(f"the head is {said}", tied=own, base_tied=its)


def claimed(context: Context) -> Finding:
    """Whether the index says the sizes that the headers have."""
    target = context.target
    if INDEX not in target.files:
        return CLAIMED.clear("there is no index that claims a size")
    said: Any = target.object(INDEX).get("metadata")
    said = said if isinstance(said, dict) else {}
    entries = target.checkpoint.entries.values()
    facts = {"total_size": sum(each.nbytes for each in entries),
             "total_parameters": sum(each.entries for each in entries)}  # fmt: skip
    stated = {key: said[key] for key in facts if isinstance(said.get(key), int | float)}
    wrong = {key: [value, facts[key]] for key, value in stated.items() if value != facts[key]}
    if not wrong:
        return CLAIMED.clear("the index claims the sizes that the headers have" if stated else
                             "the index claims no size", **facts)  # fmt: skip
    key, (value, real) = next(iter(wrong.items()))
    # Tied tensors are counted twice by some writers.
    return CLAIMED.found(f"{key} {value!r}, and the headers have {real:,}", files=[INDEX],
                         severity="note" if value >= real else "warning", wrong=wrong)  # fmt: skip


CHECKS: tuple[Check[Context], ...] = (
    (DAMAGED, damaged),
    (AGAINST_CONFIG, against_config),
    (SHAPES, shapes),
    (DTYPES, dtypes),
    (MISSING, missing),
    (EXTRA, extra),
    (TIED, tied),
    (CLAIMED, claimed),
)
