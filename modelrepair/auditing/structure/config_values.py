"""Stage 2, the config: values with which the same weights compute something else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.text.printable import printable

COMPUTES = Rule(
    "MR-STR-009",
    "structure",
    "warning",
    "config-differs",
    "config.json has other values than the base's, with which the same weights compute otherwise",
    "look at each value: a longer context is common, another activation or norm is not",
)

_NO_MATTER = (
    *(
        "architectures",
        "transformers_version",
        "torch_dtype",
        "dtype",
        "_name_or_path",
        "use_cache",
    ),
    *(
        "auto_map",
        "initializer_range",
        "pretraining_tp",
        "quantization_config",
        "output_attentions",
    ),
    *("output_hidden_states", "return_dict", "torchscript", "gradient_checkpointing"),
    *("id2label", "label2id", "num_labels", "problem_type", "task_specific_params", "model_name"),
    *("attn_implementation", "_attn_implementation", "unsloth_fixed", "unsloth_version"),
)
"""Values that change nothing of what is computed, or that another rule compares."""
_ELSEWHERE = ("vocab_size", "tie_word_embeddings", "modelrepair_lab")
_ENDINGS = ("_dropout", "dropout", "_token_id", "_pdrop", "_token_index")
_MOST = 40


def computes(context: Context) -> Finding:
    """Values of both configs that differ; one that only one of them has may be a default."""
    base, target = context.known_base, context.target
    if target.is_adapter and "config.json" not in target.files:
        return COMPUTES.not_applicable("an adapter has its base's config")
    own, its = dict(_values(target.config)), dict(_values(base.config))
    both = own.keys() & its.keys()
    if not both:
        return COMPUTES.inconclusive("the two configs have no value of one name")
    changed = {
        printable(key): [_shown(its[key]), _shown(own[key])]
        for key in sorted(both)
        if own[key] != its[key]
    }
    single = {
        "only_here": [printable(key) for key in sorted(own.keys() - its.keys())][:_MOST],
        "only_in_base": [printable(key) for key in sorted(its.keys() - own.keys())][:_MOST],
    }
    if changed:
        said = [f"{key} {after}, in the base {before}" for key, (before, after) in changed.items()]
        shown = dict(list(changed.items())[:_MOST])
        message = f"{len(changed)} of {len(both)} values: {listed(said)}"
        return COMPUTES.found(message, files=["config.json"], changed=shown, single=single)
    return COMPUTES.clear(f"all {len(both)} values of both are the same", single=single)


def _values(
    config: Mapping[str, Any], above: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Each value by its path; the two ways to write rotary positions are made one."""
    for key, value in config.items():
        if key in _NO_MATTER or key in _ELSEWHERE or key.endswith(_ENDINGS):
            continue
        if key in ("rope_parameters", "rope_scaling") and isinstance(value, Mapping):
            yield from _rotary(value, above)
        elif isinstance(value, Mapping) and depth < 4:
            yield from _values(value, f"{above}{key}.", depth + 1)
        elif value is not None:
            yield f"{above}{key}", value


def _rotary(value: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        name = "rope_type" if key == "type" else key
        yield f"{above}{name if name == 'rope_theta' else f'rope.{name}'}", each


def _shown(value: Any) -> str:
    return printable(json.dumps(value))[:120]


CHECKS: tuple[Check[Context], ...] = ((COMPUTES, computes),)
