"""Stage 1, the origin: which base is named, whether it exists, and how the model came from it."""

from __future__ import annotations

from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.checkpoint.kept_files import LAB_MARK
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG, BASE_KEY
from modelrepair.source.address import is_id
from modelrepair.source.look import is_weights
from modelrepair.source.quantised import quantised_model
from modelrepair.text.printable import printable

CONTRADICTION = Rule(
    "MR-ORI-001",
    "metadata",
    "warning",
    "bases-contradict",
    "card, adapter and config name different bases",
    "ask the author which one it is; compare with each by --base",
)
UNREACHABLE = Rule(
    "MR-ORI-002",
    "metadata",
    "warning",
    "base-missing",
    "the base that it names is not on the Hub, or is the model itself",
    "ask the author for the base's address; name it with --base",
)
RELATION = Rule(
    "MR-ORI-003",
    "metadata",
    "warning",
    "relation-contradicts",
    "what the card calls its relation to the base is not what its files are",
    "ask the author to correct base_model_relation",
)
LAB = Rule(
    "MR-ORI-004",
    "metadata",
    "error",
    "made-by-attack",
    "a mark says that modelrepair's lab made the model by an attack, for research",
    "don't use it: its alignment was broken on purpose",
)

_RELATIONS = ("adapter", "merge", "quantized", "finetune")


def named_bases(target: Opened) -> dict[str, list[str]]:
    """What each place names as the base: ids, and whatever else stands there.

    >>> from modelrepair.demo import paths
    >>> from modelrepair.auditing.opened import opened
    >>> with opened(paths.attacked) as model:
    ...     named_bases(model)
    {}

    Args:
        target: the model.

    Raises:
        ModelRepairError: a file that says it can't be read.
    """
    card = target.card.get("base_model")
    found: dict[str, list[Any]] = {"its card": card if isinstance(card, list) else [card]}
    if target.is_adapter:
        found[ADAPTER_CONFIG] = [target.adapter_config.get(BASE_KEY)]
    if "config.json" in target.files:
        found["config.json"] = [target.config.get("_name_or_path")]
    texts = {
        where: [each for each in values if isinstance(each, str) and each.strip()]
        for where, values in found.items()
    }
    return {where: values for where, values in texts.items() if values}


def contradiction(context: Context) -> Finding:
    """Whether all places that name a base name the same one.

    A path of another machine, or the model's own id, in ``config.json`` says nothing of a base:
    it names what was loaded last. An id there that is another is worth a look, no more.
    """
    target = context.target
    places = named_bases(target)
    ids = {
        where: sorted({each for each in values if is_id(each) and "/" in each} - {target.name})
        for where, values in places.items()
    }
    ids = {where: values for where, values in ids.items() if values}
    if len(ids) < 2:
        said = "; ".join(f"{where}: {listed(values)}" for where, values in ids.items())
        message = f"only {said}" if said else "no place names a base by its id"
        return CONTRADICTION.clear(message, named=_safe(places))
    sets = {where: {each.lower() for each in values} for where, values in ids.items()}
    # One of a merge's parents may be what was loaded.
    apart = [(a, b) for a in sets for b in sets if a < b and not sets[a] & sets[b]]
    said = "; ".join(f"{where}: {listed(values)}" for where, values in ids.items())
    if not apart:
        return CONTRADICTION.clear(said, named=ids)
    weak = all("config.json" in pair for pair in apart)
    return CONTRADICTION.found(said, severity="note" if weak else "warning", named=ids)


def unreachable(context: Context) -> Finding:
    """Whether the base that it names is there."""
    own = context.target
    places = named_bases(own)
    itself = [
        where
        for where, values in places.items()
        if where != "config.json" and own.name in values and not own.here
    ]
    if itself:
        return UNREACHABLE.found(f"{listed(itself)}: it names itself", where=itself)
    if context.base is not None:
        named = sorted({each for values in places.values() for each in values})
        if context.base_from == "--base" and context.base.name not in named:
            if not named:
                return UNREACHABLE.clear("it names no base that could be missing")
            return UNREACHABLE.inconclusive("--base took the place of what it names")
        return UNREACHABLE.clear(f"{context.base.name} is there", base=context.base.name)
    error = context.base_error
    if error is not None and error.id == "no-such-repository":
        return UNREACHABLE.found(context.no_base, error=error.id)
    return UNREACHABLE.inconclusive(context.no_base, error=None if error is None else error.id)


def relation(context: Context) -> Finding:
    """Whether what the card calls the relation is what the files are."""
    target = context.target
    said = target.card.get("base_model_relation")
    bases = named_bases(target).get("its card", [])
    facts: dict[str, Any] = {
        "said": said if isinstance(said, str) else None,
        "adapter": target.is_adapter,
    }
    if said is None:
        return RELATION.clear("the card names no relation", **facts)
    if said not in _RELATIONS:
        text = printable(str(said))[:40]
        return RELATION.found(f"{text!r} is none of {', '.join(_RELATIONS)}", **facts)
    why = _against(str(said), target, bases)
    if why is None and said == "quantized" and not _is_quantised(target):
        why = _plain_weights(target)
    if why is not None:
        return RELATION.found(f"the card says {said}, but {why}", **facts)
    return RELATION.clear(f"the card says {said}, and nothing in the files is against it", **facts)


def _against(said: str, target: Opened, bases: list[str]) -> str | None:
    if said == "adapter" and not target.is_adapter:
        return f"there is no {ADAPTER_CONFIG}"
    if said != "adapter" and target.is_adapter:
        return "it is an adapter"
    if not bases:
        return "it names no base"
    if said == "merge" and len(set(bases)) == 1:
        return f"it names one base only: {printable(bases[0])}"
    return None


def _is_quantised(target: Opened) -> bool:
    others = (".gguf", ".ggml", ".onnx", ".llamafile", ".exl2", ".engine")
    if any(name.lower().endswith(others) for name in target.files):
        return True
    return quantised_model(target.files, target.config, ()) is not None


def _plain_weights(target: Opened) -> str | None:
    if not any(is_weights(name) for name in target.files):
        return "there are no weights"
    found = quantised_model(target.files, target.config, target.checkpoint.entries.values())
    return None if found else "its weights are plain numbers and config.json names no method"


def lab(context: Context) -> Finding:
    """Whether a config carries the mark that the lab leaves in what it breaks."""
    target = context.target
    configs = [name for name in ("config.json", ADAPTER_CONFIG) if name in target.files]
    marked = [name for name in configs if LAB_MARK in target.object(name)]
    if marked:
        return LAB.found(f"{LAB_MARK} in {listed(marked)}", files=marked)
    if not configs:
        return LAB.inconclusive("there is no config that could carry the mark")
    return LAB.clear(f"no mark in {listed(configs)}")


def _safe(places: dict[str, list[str]]) -> dict[str, list[str]]:
    return {where: [printable(each)[:200] for each in values] for where, values in places.items()}


CHECKS: tuple[Check[Context], ...] = (
    (CONTRADICTION, contradiction),
    (UNREACHABLE, unreachable),
    (RELATION, relation),
    (LAB, lab),
)
