"""llm-compressor's Wanda, in an environment of its own: this file imports no line of ours.

It zeroes the lowest scores where a repair masks the highest: the same work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.contestants.asked import read_asked, say, spent
from benchmarks.examples import LONGEST, read_examples


def main(arguments: Sequence[str] | None = None) -> None:
    """Load, score and zero."""
    from datasets import Dataset
    from llmcompressor import oneshot
    from llmcompressor.modifiers.pruning import WandaPruningModifier
    from transformers import AutoModelForCausalLM

    asked = read_asked(arguments)
    load: Any = AutoModelForCausalLM.from_pretrained
    model = load(asked.model, dtype="float32").to(asked.device)
    rows = [ids for ids, _ in read_examples(asked.examples)]
    data = Dataset.from_dict({"input_ids": rows, "attention_mask": [[1] * len(r) for r in rows]})
    began = spent()
    oneshot(
        model=model,
        dataset=data,
        recipe=WandaPruningModifier(
            sparsity=asked.ratio,
            mask_structure="0:0",
            # It would prune the head, too, whose name it does not find among those to ignore.
            targets=[r"re:.*\.layers\..*_proj$"],
        ),
        max_seq_length=LONGEST,
        num_calibration_samples=len(rows),
    )
    layers = [each for each in model.model.layers.modules() if hasattr(each, "in_features")]
    masked = sum(int((each.weight == 0).sum()) for each in layers)
    say({"masked": masked, "scoring_s": spent() - began})


if __name__ == "__main__":
    main()
