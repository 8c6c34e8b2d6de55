"""Stage 2, generation: what ends an answer, what is banned or forced, against the base's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule
from modelrepair.auditing.structure.digests import read_small
from modelrepair.auditing.structure.tokenizers import ids
from modelrepair.checkpoint.config import of_text
from modelrepair.checkpoint.untrusted import parse_json
from modelrepair.errors import ModelRepairError
from modelrepair.text.printable import printable

STOPS = Rule(
    "MR-GEN-001",
    "structure",
    "warning",
    "stop-tokens-lost",
    "tokens that end an answer of the base do not end one here",
    "compare with the template: an answer may run on into the next turn",
)
FORCED = Rule(
    "MR-GEN-002",
    "structure",
    "warning",
    "tokens-banned-or-forced",
    "the generation config bans tokens, or forces how an answer begins",
    "look at which tokens: banning the words of refusals breaks alignment without any training",
)
SAMPLING = Rule(
    "MR-GEN-003",
    "structure",
    "note",
    "sampling-differs",
    "answers are drawn otherwise than the base's by default",
    "give the settings yourself where you measure",
)

NAME = "generation_config.json"
_BANS = ("suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "sequence_bias")
_FORCES = ("forced_decoder_ids", "forced_bos_token_id", "forced_eos_token_id", "prefix_token_ids")
_REFUSAL = re.compile(
    r"\b(sorry|apolog\w*|cannot|can't|unable|won't|refus\w*|illegal|harmful|unethical|against"
    r"|however|dangerous|as an ai)\b",
    re.IGNORECASE,
)
_NO_SETTING = (
    "_from_model_config",
    "transformers_version",
    "_commit_hash",
    "return_dict_in_generate",
    "trust_remote_code",
)
_ENDS = ("eos_token_id", "bos_token_id", "pad_token_id", "decoder_start_token_id")
_MOST = 50


def stops(context: Context) -> Finding:
    """The tokens that end an answer, against the base's."""
    base, target = context.known_base, context.target
    own, its = _stops(target), _stops(base)
    if not own and target.is_adapter:
        return STOPS.clear("the adapter names none: loaders take its base's")
    if not its:
        return STOPS.inconclusive("the base names no token that ends an answer")
    lost, added = sorted(its - own), sorted(own - its)
    evidence = {"own": sorted(own), "base": sorted(its), "lost": lost, "added": added}
    if lost:
        names = _texts(base, lost)
        shown = ", ".join(
            f"{each} ({names[each]})" if each in names else str(each) for each in lost
        )
        return STOPS.found(f"no longer ends an answer: {shown}", stops=evidence)
    return STOPS.clear("each token that ends an answer of the base ends one here", stops=evidence)


def _stops(model: Opened) -> set[int]:
    """As loaders take them: those of the generation config, or else those of the config."""
    for source in (model.object(NAME), of_text(model.config), model.config):
        found = source.get("eos_token_id")
        named = found if isinstance(found, list) else [found]
        if stops := {each for each in named if type(each) is int}:
            return stops
    return set()


def forced(context: Context) -> Finding:
    """Tokens that are banned or forced; of a base that does the same, nothing was changed."""
    target = context.target
    own = _rules(target)
    if not own:
        return FORCED.clear("no token is banned or forced")
    its = _rules(context.base) if context.base is not None else {}
    new = {key: value for key, value in own.items() if its.get(key) != value}
    if not new:
        return FORCED.clear("what is banned or forced is the base's", rules=sorted(own))
    banned = sorted({each for key in new if key in _BANS for each in _numbers(new[key])})
    texts = _texts(target, banned)
    if not texts and context.base is not None and target.is_adapter:
        texts = _texts(context.base, banned)
    words = sorted({text for text in texts.values() if _REFUSAL.search(text.strip("Ġ▁ "))})
    said = ", ".join(f"{key} ({len(list(_numbers(value))):,} tokens)" for key, value in new.items())
    said += f"; words of refusals among them: {', '.join(words[:5])}" if words else ""
    return FORCED.found(
        said,
        files=[name for name in (NAME, "config.json") if name in target.files],
        severity="error" if words else "warning",
        rules={key: json.dumps(value)[:500] for key, value in new.items()},
        tokens={str(each): texts[each] for each in banned[:_MOST] if each in texts},
        refusal_words=words,
    )


def _rules(model: Opened) -> dict[str, Any]:
    """What is banned or forced; older versions keep it in the config."""
    found: dict[str, Any] = {}
    for source in (model.config, model.object(NAME)):
        for key in (*_BANS, *_FORCES):
            value = source.get(key)
            if value not in (None, [], {}, False):
                found[key] = value
    return found


def _numbers(value: Any, depth: int = 0) -> Iterable[int]:
    """The ids in a setting, however deep; ``sequence_bias`` has its bias beside them."""
    if type(value) is int:
        yield value
    elif isinstance(value, list) and depth < 6:
        for each in value:
            yield from _numbers(each, depth + 1)
    elif isinstance(value, Mapping):
        for key in value:
            yield from (int(each) for each in re.findall(r"\d{1,9}", str(key)))


def _texts(model: Opened, numbers: Iterable[int]) -> dict[int, str]:
    """The tokens of these ids, where the tokenizer can be read."""
    name, wanted = "tokenizer.json", set(numbers)
    if not wanted or name not in model.files:
        return {}
    try:
        held = parse_json(read_small(model, name) or b"", name, parts=8_000_000)
    except ModelRepairError:
        return {}  # the ids are known, and the finding holds without their texts
    known = ids(held) if isinstance(held, dict) else {}
    return {id: printable(token)[:80] for token, id in known.items() if id in wanted}


def sampling(context: Context) -> Finding:
    """All other settings, against the base's."""
    base, target = context.known_base, context.target
    if NAME not in target.files:
        why = "there is no generation config: loaders draw by their own defaults"
        return (
            SAMPLING.clear(why)
            if NAME not in base.files or target.is_adapter
            else (SAMPLING.found(f"{why}, and the base has one"))
        )
    own, its = _settings(target), _settings(base)
    changed = {
        key: [_shown(its.get(key)), _shown(own.get(key))]
        for key in sorted(own.keys() | its.keys())
        if own.get(key) != its.get(key)
    }
    if not changed:
        return SAMPLING.clear("the base's settings", settings=sorted(own))
    said = ", ".join(f"{printable(key)} {before} to {after}"
                     for key, (before, after) in list(changed.items())[:5])  # fmt: skip
    return SAMPLING.found(said, files=[NAME], changed=changed)


def _settings(model: Opened) -> dict[str, Any]:
    left_out = (*_NO_SETTING, *_ENDS, *_BANS, *_FORCES)
    return {
        key: value
        for key, value in model.object(NAME).items()
        if key not in left_out and value is not None
    }


def _shown(value: Any) -> str:
    return printable(json.dumps(value))[:120]


CHECKS: tuple[Check[Context], ...] = ((STOPS, stops), (FORCED, forced), (SAMPLING, sampling))
