"""Stage 2, adapters: whether their tensors fit the base, and are what their config says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.errors import InconclusiveError
from modelrepair.text.printable import printable

FITS = Rule(
    "MR-ADP-001",
    "structure",
    "error",
    "adapter-does-not-fit",
    "tensors of the adapter have no place in the base, or other shapes than it needs",
    "ask the author for the base that it was trained on; compare with that by --base",
)
CONFIG = Rule(
    "MR-ADP-002",
    "structure",
    "warning",
    "adapter-config-contradicts",
    "rank or target modules in adapter_config.json are not those of the tensors",
    "ask the author for the config that belongs to the tensors",
)
WHOLE = Rule(
    "MR-ADP-003",
    "structure",
    "note",
    "adapter-replaces-weights",
    "the adapter replaces whole tensors of the base, and does not only add to them",
    "compare these with the base's, as for a whole model",
)

_FACTOR = re.compile(
    r"^(?P<module>.+)\.lora_(?P<kind>embedding_)?(?P<side>[AB])(\.\w+)?(?P<end>\.weight)?$"
)
_EXTRAS = re.compile(r"\.lora_magnitude_vector|\.lora_[AB]\.bias$")
_PREFIX = "base_model.model."


@dataclass(frozen=True)
class Factors:
    """The two factors of one module.

    Args:
        a: from the input to the rank.
        b: from the rank to the output.
        embedding: whether they stand for an embedding, whose factors lie across.
    """

    a: TensorEntry | None = None
    b: TensorEntry | None = None
    embedding: bool = False


def _parts(model: Opened) -> tuple[dict[str, Factors], dict[str, TensorEntry]]:
    """The factors of each module, and all other tensors, by their names in the base."""
    factors: dict[str, Factors] = {}
    others: dict[str, TensorEntry] = {}
    for name, entry in model.checkpoint.entries.items():
        inside = name.removeprefix(_PREFIX)
        found = _FACTOR.match(inside)
        if found is None:
            if not _EXTRAS.search(inside):
                others[_replaced(inside)] = entry
            continue
        known = factors.get(found["module"], Factors())
        embedding = known.embedding or found["kind"] is not None
        a, b = (entry, known.b) if found["side"] == "A" else (known.a, entry)
        factors[found["module"]] = Factors(a, b, embedding)
    return factors, others


def _replaced(name: str) -> str:
    return re.sub(r"\.(modules_to_save(\.\w+)?|original_module|base_layer)(?=\.)", "", name)


def fits(context: Context) -> Finding:
    """Whether each module is one of the base's, and its factors have the shapes of its matrix."""
    target = context.target
    if not target.is_adapter:
        return FITS.not_applicable("it is no adapter")
    base = context.known_base
    if base.is_adapter:
        raise InconclusiveError(
            f"{base.name} is an adapter itself", hint="name the whole model with --base"
        )
    factors, others = _parts(target)
    entries = base.checkpoint.entries
    if not factors and not others:
        return FITS.found("the adapter holds no tensor")
    wrong: dict[str, str] = {}
    across = bool(target.adapter_config.get("fan_in_fan_out"))
    for module, pair in factors.items():
        if (why := _misfit(entries.get(f"{module}.weight"), pair, across)) is not None:
            wrong[printable(module)[:200]] = why
    for name, entry in others.items():
        whole = entries.get(name)
        if whole is None:
            wrong[printable(name)[:200]] = "not in the base"
        elif whole.shape != entry.shape:
            wrong[printable(name)[:200]] = f"{list(entry.shape)}, in the base {list(whole.shape)}"
    count = len(factors) + len(others)
    if not wrong:
        return FITS.clear(f"{count:,} modules fit the base", modules=count)
    name, why = min(wrong.items())
    said = f"{len(wrong):,} of {count:,} modules: {name}: {why}"
    return FITS.found(said, modules=count, wrong=dict(sorted(wrong.items())[:20]), count=len(wrong))


def _misfit(whole: TensorEntry | None, pair: Factors, across: bool) -> str | None:
    """Why two factors have no place at a matrix of the base; None where they have."""
    if whole is None:
        return "not in the base"
    if pair.a is None or pair.b is None:
        return "one of its two factors is missing"
    if len(pair.a.shape) != 2 or len(pair.b.shape) != 2 or len(whole.shape) != 2:
        return None if len(whole.shape) > 2 else "no matrix"
    rank_a, rank_b = pair.a.shape[0], pair.b.shape[1]
    if rank_a != rank_b:
        return f"rank {rank_a} in A and {rank_b} in B"
    made = (pair.b.shape[0], pair.a.shape[1])
    needed = {whole.shape[::-1]} if pair.embedding or across else {whole.shape}
    if made in needed or (across and made == whole.shape):
        return None
    return f"makes {list(made)}, in the base {list(whole.shape)}"


def config(context: Context) -> Finding:
    """Whether rank and modules of the config are those of the tensors."""
    target = context.target
    if not target.is_adapter:
        return CONFIG.not_applicable("it is no adapter")
    said = target.adapter_config
    if str(said.get("peft_type")).upper() != "LORA":
        kind = printable(str(said.get("peft_type")))[:40]
        return CONFIG.inconclusive(f"an adapter of type {kind} has no rank of this kind")
    factors, _ = _parts(target)
    wrong = _ranks(factors, said)
    named = said.get("target_modules")
    if isinstance(named, list) and all(isinstance(each, str) for each in named):
        outside = [module for module in factors if not any(_ends(module, each) for each in named)]
        unused = [each for each in named if not any(_ends(module, each) for module in factors)]
        if outside:
            wrong.append(f"{listed(map(printable, outside))} is no target module")
        if unused:
            wrong.append(f"no tensor of {listed(map(printable, unused))}")
    ranks = sorted({pair.a.shape[0] for pair in factors.values() if pair.a and pair.a.shape})
    evidence: dict[str, Any] = {"ranks": ranks, "modules": len(factors), "said": _said(said)}
    if wrong:
        return CONFIG.found("; ".join(wrong), wrong=wrong, **evidence)
    if not isinstance(named, list):
        return CONFIG.inconclusive("the ranks fit; the target modules are a pattern", **evidence)
    return CONFIG.clear(
        f"rank {', '.join(map(str, ranks))} in {len(factors):,} modules", **evidence
    )


def _said(config: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {key: config.get(key) for key in ("r", "lora_alpha")}
    return {key: value for key, value in numbers.items() if isinstance(value, int | float)}


def _ends(module: str, name: str) -> bool:
    return module == name or module.endswith(f".{name}")


def _ranks(factors: Mapping[str, Factors], said: Mapping[str, Any]) -> list[str]:
    """Ranks that the config does not have; a pattern of its own is not followed here."""
    rank = said.get("r")
    if said.get("rank_pattern") or type(rank) is not int:
        return []
    other = sorted({pair.a.shape[0] for pair in factors.values()
                    if pair.a and pair.a.shape and pair.a.shape[0] != rank})  # fmt: skip
    return [f"r is {rank}, and tensors have rank {', '.join(map(str, other))}"] if other else []


def whole(context: Context) -> Finding:
    """Tensors of the base that the adapter replaces."""
    target = context.target
    if not target.is_adapter:
        return WHOLE.not_applicable("it is no adapter")
    factors, others = _parts(target)
    if not others:
        return WHOLE.clear(f"only factors, of {len(factors):,} modules", modules=len(factors))
    names = [printable(name)[:200] for name in others]
    count = sum(entry.entries for entry in others.values())
    return WHOLE.found(f"replaces {listed(names)}", count=len(names), parameters=count,
                       tensors=sorted(names)[:20])  # fmt: skip


CHECKS: tuple[Check[Context], ...] = ((FITS, fits), (CONFIG, config), (WHOLE, whole))
