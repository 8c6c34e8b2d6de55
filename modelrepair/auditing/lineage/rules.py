"""Stage 3, lineage: what a sample of the weights says of where a model comes from."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import Any

import numpy as np

from modelrepair.auditing.context import Context
from modelrepair.auditing.lineage.levels import Levels
from modelrepair.auditing.lineage.lineage import Lineage, lineage_of
from modelrepair.auditing.lineage.parents import Mix
from modelrepair.auditing.lineage.ranks import READABLE
from modelrepair.auditing.lineage.said import figures, figures_of, none_of, power, where
from modelrepair.auditing.once import once
from modelrepair.auditing.rule import Check, Finding, Rule, listed

COPY = Rule(
    "MR-LIN-001",
    "lineage",
    "note",
    "copy",
    "its weights are those of its base",
    "nothing, where it says so; ask for the base's name and licence in its card where not",
)
FINE_TUNED = Rule(
    "MR-LIN-002",
    "lineage",
    "note",
    "fine-tuned",
    "its weights are its base's with a small change of nearly every entry",
    "measure what it does with --measure: weights alone do not show what it was trained on",
)
SCALED = Rule(
    "MR-LIN-003",
    "lineage",
    "warning",
    "scaled",
    "tensors are its base's times a factor, for all of them or for each row or column",
    "ask the author why; folding norms into weights does it, and so does weakening a layer",
)
LOW_RANK = Rule(
    "MR-LIN-004",
    "lineage",
    "warning",
    "low-rank",
    "the difference from its base has few directions: a merged adapter, or one that was cut out",
    "look at it in full with --deep: a rank of one on the output side is how refusal is cut out",
)
SPARSE = Rule(
    "MR-LIN-005",
    "lineage",
    "warning",
    "sparse-edit",
    "a small share of the entries was changed, and the others are its base's bit for bit",
    "look at it in full with --deep; with --proof, where it says that it is a repair",
)
ZEROED = Rule(
    "MR-LIN-006",
    "lineage",
    "warning",
    "zeroed",
    "entries are exactly zero that its base's are not",
    "look at it in full with --deep: pruning does it, and so does a repair",
)
MERGED = Rule(
    "MR-LIN-007",
    "lineage",
    "note",
    "merged",
    "its weights are a weighted sum of two of the models that it was compared with",
    "its card should name both, with base_model_relation: merge; look at both licences",
)
QUANTISED = Rule(
    "MR-LIN-008",
    "lineage",
    "note",
    "quantised-and-back",
    "its weights lie on few levels: they were quantised and stored wide again",
    "its card should say so: it is no better than the quantised model, and larger",
)
UNRELATED = Rule(
    "MR-LIN-009",
    "lineage",
    "error",
    "unrelated",
    "entry by entry, its weights have nothing of its base's; units in another order look so too",
    "ask the author what it comes from; compare it with others by --base or --candidate",
)
NEARER = Rule(
    "MR-LIN-010",
    "lineage",
    "warning",
    "nearer-candidate",
    "it is nearer to another of the models that it was compared with than to its base",
    "ask the author to name that one as its base",
)
MOSTLY = 0.5
"""The share of the weights' variance from which on they are the base's for the greater part."""
ALONE = "it was compared with one model alone; --candidate names more"
FEW = 4
"""A rank below is none of an adapter, whose ranks begin there."""


def copy(context: Context) -> Finding:
    """Whether every weight is the base's."""
    seen = once(context, lineage_of)
    base = context.known_base.name
    if seen.copied:
        return COPY.found(
            f"its {seen.of} weights files have the SHA-256 of those of {base}: a copy, for certain",
            certain=True,
            files=context.target.checkpoint.files,
            weights_files=seen.of,
        )
    if seen.changed:
        changed, of = len(seen.changed), len(seen.changes)
        return COPY.clear(f"{changed} of {of} slices differ from {base}", **figures(seen))
    if seen.sample.out_of_reach:
        share = seen.sample.out_of_reach
        return COPY.inconclusive(
            f"what was compared with {base} is the same, but {share:.2%} of its weights has no "
            f"counterpart there",
            **figures(seen),
        )
    return COPY.found(f"the same as {base} bit for bit; {power(seen)}", **figures(seen))


def fine_tuned(context: Context) -> Finding:
    """Whether the change is a dense, small one."""
    seen = once(context, lineage_of)
    found = seen.kind("dense")
    if not found:
        return none_of(FINE_TUNED, seen, "is changed all through")
    share = sum(each.changed for each in found) / sum(each.slice.entries for each in found)
    relative = median(each.relative for each in found)
    return FINE_TUNED.found(
        f"{where(found, seen)}: {share:.1%} of the entries differ, by {relative:.2%} of the "
        f"weights' length; {power(seen)}",
        **figures_of(found, seen),
        share_changed=share,
        relative_change=relative,
    )


def scaled(context: Context) -> Finding:
    """Whether tensors are multiples of the base's."""
    seen = once(context, lineage_of)
    found = seen.kind("scaled")
    if not found:
        return none_of(SCALED, seen, "is a multiple of the base's")
    factor = median(each.scale or 0.0 for each in found)
    along = Counter(str(each.along) for each in found)
    return SCALED.found(
        f"{where(found, seen)}: a factor for each {' or '.join(sorted(along))}, {factor:.4g} on "
        f"average; {power(seen)}",
        **figures_of(found, seen),
        factor=factor,
        along=dict(along),
    )


def low_rank(context: Context) -> Finding:
    """Whether the difference has few directions."""
    target = context.target
    if target.is_adapter:
        return _adapter(target.adapter_config)
    seen = once(context, lineage_of)
    found = seen.kind("low-rank")
    readable = [each for each in seen.kind("dense", "low-rank", "sparse") if each.rank]
    if not found:
        if seen.changed and not readable and seen.kind("dense", "undecided"):
            return LOW_RANK.inconclusive(
                f"the change is too small beside the rounding of the weights, or the slices are "
                f"too short, to show a rank; {power(seen)}",
                **figures(seen),
            )
        most = max((each.rank.of for each in readable if each.rank), default=0) // READABLE
        short = f" (one over {most} does not show in so few rows)" if not seen.sample.whole else ""
        return none_of(LOW_RANK, seen, f"of {len(readable)} with a readable rank is low{short}")
    ranks = [each.rank for each in found if each.rank]
    highest, of = max(each.rank for each in ranks), max(each.of for each in ranks)
    shares = {str(k): median(each.shares[k] for each in ranks) for k in ranks[0].shares}
    chance = {str(k): median(each.random[k] for each in ranks) for k in ranks[0].random}
    return LOW_RANK.found(
        f"{where(found, seen)}: {highest} of {of} directions hold 99 % of the change; the first "
        f"holds {shares['1']:.1%} (chance: {chance['1']:.1%}); {power(seen)}",
        severity="warning" if highest < FEW else "note",
        **figures_of(found, seen),
        rank=highest,
        possible=of,
        ranks=dict(Counter(str(each.rank) for each in ranks)),
        shares=shares,
        shares_by_chance=chance,
    )


def _adapter(config: dict[str, Any]) -> Finding:
    if str(config.get("peft_type", "")).upper() != "LORA":
        return LOW_RANK.inconclusive("it is an adapter of another kind than LoRA: not compared")
    rank = config.get("r")
    return LOW_RANK.found(
        f"a LoRA adapter: a change of rank {rank} by its make; its factors were not compared",
        severity="note",
        rank=rank,
        adapter=True,
    )


def sparse(context: Context) -> Finding:
    """Whether single entries or rows were changed."""
    seen = once(context, lineage_of)
    found = seen.kind("sparse")
    if not found:
        return none_of(SPARSE, seen, "was changed in single entries")
    changed = sum(each.changed for each in found)
    share = changed / sum(each.slice.entries for each in found)
    rows = all(each.whole_rows for each in found)
    return SPARSE.found(
        f"{where(found, seen)}: {share:.3%} of the entries differ{', in whole rows' * rows}, and "
        f"the others are the same bit for bit; {power(seen)}",
        **figures_of(found, seen),
        changed=changed,
        share_changed=share,
        whole_rows=rows,
    )


def zeroed(context: Context) -> Finding:
    """Whether there are zeros that the base does not have."""
    seen = once(context, lineage_of)
    found = [each for each in seen.changes if each.zeros]
    if not found:
        return none_of(ZEROED, seen, "has zeros that the base does not have")
    zeros = sum(each.zeros for each in found)
    share = zeros / sum(each.slice.entries for each in found)
    return ZEROED.found(
        f"{where(found, seen)}: {share:.3%} of the entries are zero and were not; {power(seen)}",
        **figures_of(found, seen),
        zeros=zeros,
        share_zeroed=share,
        nothing_else=all(each.zeros == each.changed for each in found),
    )


def merged(context: Context) -> Finding:
    """Whether two of the known models make it up."""
    seen = once(context, lineage_of)
    if missing := _unread(MERGED, seen):
        return missing
    if not seen.compared:
        return MERGED.not_applicable(ALONE, candidates=0)
    tried: Counter[tuple[str, str]] = Counter()
    fits: dict[tuple[str, str], list[Mix]] = {}
    for near in seen.nearness.values():
        tried.update(near.tried)
        for mix in near.mixes:
            fits.setdefault(mix.parents, []).append(mix)
    pairs = {pair: mixes for pair, mixes in fits.items() if 2 * len(mixes) > tried[pair]}
    if not pairs:
        same = any(0 in near.distances.values() for near in seen.nearness.values())
        if seen.changed and not tried and not same:
            return MERGED.inconclusive(
                "in no slice do it and two of the models differ by more than rounding",
                **figures(seen),
            )
        return MERGED.clear(
            f"no sum of any of {len(tried)} pairs leaves as little as rounding; {power(seen)}",
            **figures(seen),
        )
    pair = max(pairs, key=lambda each: (len(pairs[each]) / tried[each], len(pairs[each])))
    mixes = pairs[pair]
    shares = [median(each.weights[side] for each in mixes) for side in (0, 1)]
    residual = median(each.residual for each in mixes)
    return MERGED.found(
        f"{shares[0]:.3f} · {pair[0]} + {shares[1]:.3f} · {pair[1]} in {len(mixes)} of "
        f"{tried[pair]} slices that can show it, with {residual:.2g} of the difference left, no "
        f"more than rounding; {power(seen)}",
        parents=list(pair),
        weights=shares,
        residual=residual,
        slices_mixed=len(mixes),
        slices_able=tried[pair],
        **figures(seen),
    )


def quantised(context: Context) -> Finding:
    """Whether weights lie on few levels."""
    seen = once(context, lineage_of)
    found = seen.kind("quantised")
    if not found:
        return none_of(QUANTISED, seen, "lies on few levels")
    kinds = Counter(_named(each.levels) for each in found if each.levels)
    return QUANTISED.found(
        f"{where(found, seen)}: {listed(kinds)}; {power(seen)}",
        **figures_of(found, seen),
        levels=dict(kinds),
    )


def _named(levels: Levels) -> str:
    return f"{levels.bits} bits in {f'groups of {levels.group}' if levels.group else 'rows'}"


def unrelated(context: Context) -> Finding:
    """Whether the base has a part in the weights at all."""
    seen = once(context, lineage_of)
    base = context.known_base.name
    if not seen.changed:
        return none_of(UNRELATED, seen, "differs")
    shares = [each.explained for each in seen.changes if each.explained is not None]
    found = seen.kind("unrelated")
    if found:
        most = max(each.explained or 0.0 for each in found)
        equal = sum(each.slice.rows > 1 for each in seen.kind("equal"))
        all_of_it = 2 * len(found) > len(shares) + equal
        return UNRELATED.found(
            f"{where(found, seen)}: {base} explains at most {most:.2%} of the variance; "
            f"{power(seen)}",
            severity="error" if all_of_it else "warning",
            **figures_of(found, seen),
            explained_at_most=most,
            slices_readable=len(shares),
        )
    far = [each for each in shares if each < MOSTLY]
    if far or (not shares and not seen.kind("equal")):
        said = "no slice is large enough to compare its variance"
        if far:
            least, most = min(far), max(far)
            said = f"{base} explains {least:.1%} to {most:.1%} of the variance of {len(far)} slices"
        return UNRELATED.inconclusive(said, **figures(seen))
    least = min(shares, default=1.0)
    return UNRELATED.clear(f"{base} explains at least {least:.2%} of the variance of every slice",
                           explained_at_least=least, **figures(seen))  # fmt: skip


def nearer(context: Context) -> Finding:
    """Whether another candidate is nearer than the base."""
    seen = once(context, lineage_of)
    base = context.known_base.name
    distances = {
        name: [near.distances[name] - near.distances[base] for near in seen.nearness.values()
               if name in near.distances]
        for name in seen.compared if name != base
    }  # fmt: skip
    # More slices than a fair coin would give, by two of its deviations.
    ahead = {
        name: sum(each < 0 for each in found)
        for name, found in distances.items()
        if sum(each < 0 for each in found) > len(found) / 2 + np.sqrt(len(found))
    }
    by_name = {
        name: median(near.distances[name] for near in seen.nearness.values()
                     if name in near.distances)
        for name in [base, *distances]
        if any(name in near.distances for near in seen.nearness.values())
    }  # fmt: skip
    if ahead:
        best = min(ahead, key=lambda name: by_name[name])
        return NEARER.found(
            f"{best} is nearer than {base} in {ahead[best]} of {len(distances[best])} slices: "
            f"{by_name[best]:.2%} of the weights' length, not {by_name[base]:.2%}",
            nearest=best,
            distances=by_name,
            **figures(seen),
        )
    if missing := _unread(NEARER, seen):
        return missing
    if not distances:
        return NEARER.not_applicable(ALONE, candidates=0)
    return NEARER.clear(
        f"none of {len(distances)} candidates is nearer than {base}",
        distances=by_name,
        candidates=len(distances),
    )


def _unread(rule: Rule, seen: Lineage) -> Finding | None:
    """That a candidate could not be compared."""
    if not seen.unread or seen.copied:
        return None
    why = "; ".join(f"{name}: {said}" for name, said in sorted(seen.unread.items()))
    return rule.inconclusive(f"not compared with every candidate: {why}", unread=dict(seen.unread))


CHECKS: tuple[Check[Context], ...] = (
    (COPY, copy),
    (FINE_TUNED, fine_tuned),
    (SCALED, scaled),
    (LOW_RANK, low_rank),
    (SPARSE, sparse),
    (ZEROED, zeroed),
    (MERGED, merged),
    (QUANTISED, quantised),
    (UNRELATED, unrelated),
    (NEARER, nearer),
)
