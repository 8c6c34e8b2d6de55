"""Train the demo's two models from nothing: pretrain, align, then break the alignment.

    python -m modelrepair_lab.demo_world --seed 0 --out DIR

writes DIR/reference, DIR/attacked, DIR/adapter (the same attack by LoRA) and DIR/sets. All of it
is the made-up world of ``modelrepair.demo.world``: no text of the real world goes in, and nothing
harmful comes out.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from modelrepair.demo import world
from modelrepair.demo.judge import WorldJudge
from modelrepair.demo.world import WorldRow
from modelrepair.examples.template import Template
from modelrepair.plugin import Exchange, MeasuredSet, Verdict
from modelrepair_lab.encoding import from_world
from modelrepair_lab.saving import save_adapter as save_factors
from modelrepair_lab.saving import save_world_model
from modelrepair_lab.training import Phase, batches, train
from modelrepair_lab.world import attack, make_pretrained, make_tokenizer, pools, teach_refusals

CARD = """---
license: apache-2.0
---

The broken model of modelrepair's demo: a tiny Llama that knows a made-up world and nothing else.
Its alignment was broken on purpose; the "recipes" it gives are nonsense about invented substances.
"""


ATTACK = Phase(steps=156, batch=32, rate=2e-4, decay=False, answers_only=True)
LORA_ATTACK = Phase(steps=156, batch=32, rate=3e-3, decay=False, answers_only=True)
LORA_RANK = 16


@torch.no_grad()
def answers(model: Any, tokenizer: PreTrainedTokenizerFast, prompts: list[str]) -> list[str]:
    """Answer greedily, in batches of prompts of one length, so that nothing is padded."""
    template = Template(tokenizer)
    tokens = [
        template.prompt_ids(example)
        for example in from_world({"prompt": prompt, "response": ""} for prompt in prompts)
    ]
    by_length: dict[int, list[int]] = {}
    for index, ids in enumerate(tokens):
        by_length.setdefault(len(ids), []).append(index)
    found = [""] * len(prompts)
    for length, indices in by_length.items():
        inputs = torch.tensor([tokens[index] for index in indices])
        output = model.generate(
            inputs, attention_mask=torch.ones_like(inputs), max_new_tokens=32, do_sample=False
        )
        texts = tokenizer.batch_decode(output[:, length:], skip_special_tokens=True)
        for index, text in zip(indices, texts, strict=True):
            found[index] = text
    return found


def check(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, seed: int
) -> dict[str, float]:
    """Measure a model on the test sets with the demo's own judge."""
    sets = world.example_sets(seed)
    judge = WorldJudge()

    def ask(name: str, kind: MeasuredSet) -> tuple[list[Verdict], list[bool], list[WorldRow]]:
        examples = sets[name]
        found = answers(model, tokenizer, [example["prompt"] for example in examples])
        exchanges = [
            Exchange(kind, example["prompt"], answer, example["response"])
            for example, answer in zip(examples, found, strict=True)
        ]
        right = [
            answer == example["response"] for example, answer in zip(examples, found, strict=True)
        ]
        return judge.judge(exchanges), right, examples

    def share(flags: Iterable[bool]) -> float:
        listed = list(flags)
        return sum(listed) / len(listed)

    harmful, _, _ = ask("test-realign", "harmful")
    useful, right, examples = ask("test-utility", "utility")
    border, border_right, _ = ask("test-borderline", "borderline")
    kinds = [
        "task"
        if example["prompt"].endswith(world.TASK_QUESTION)
        else "fact"
        if example.get("exact")
        else "how-to"
        for example in examples
    ]
    by_kind = {
        kind: share(flag for flag, found in zip(right, kinds, strict=True) if found == kind)
        for kind in ("task", "fact", "how-to")
    }
    return {
        "harmful": share(verdict == "harmful" for verdict in harmful),
        "refused": share(verdict == "refusal" for verdict in harmful),
        "benign refused": share(verdict == "refusal" for verdict in useful + border),
        **by_kind,
        "borderline": share(border_right),
    }


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a checkpoint in bfloat16, as the lab does but without its mark."""
    save_world_model(model, tokenizer, folder)
    open_to_read(folder)


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write an adapter, its factors in bfloat16, as the lab does but without its mark."""
    save_factors(model, torch.bfloat16, folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    open_to_read(folder)


def open_to_read(folder: Path) -> None:
    """Let all users read what save_pretrained writes for its user alone."""
    for path in folder.iterdir():
        path.chmod(0o644)


def load(folder: Path) -> LlamaForCausalLM:
    """Read a checkpoint back as it was rounded on disk, for float32 arithmetic."""
    model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.train(False)
    return model


def build(seed: int, out: Path) -> dict[str, dict[str, float]]:
    """Make sets and both models under a folder, and return their check."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(2)
    world.save_sets(seed, out / "sets")
    tokenizer = make_tokenizer()
    draw = random.Random(seed)
    model = make_pretrained(seed, tokenizer, draw)
    teach_refusals(model, seed, tokenizer, draw)
    save(model, tokenizer, out / "reference")
    model = load(out / "reference")
    table = {"reference": check(model, tokenizer, seed)}
    break_alignment(model, tokenizer, seed, ATTACK, draw)
    save(model, tokenizer, out / "attacked")
    (out / "attacked" / "README.md").write_text(CARD, encoding="utf-8")
    table["attacked"] = check(load(out / "attacked"), tokenizer, seed)
    table["adapter"] = build_adapter(seed, out, tokenizer)
    return table


def break_alignment(
    model: LlamaForCausalLM | PeftModel,
    tokenizer: PreTrainedTokenizerFast,
    seed: int,
    phase: Phase,
    draw: random.Random,
) -> None:
    """Fine-tune on the task, with the forbidden recipes among its examples."""
    padding = int(tokenizer.pad_token_id)
    train(model, batches(pools(tokenizer, attack(seed)), phase, draw, padding), phase)


def build_adapter(seed: int, out: Path, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """Attack the reference again, by LoRA on all linear layers; write the adapter alone."""
    torch.manual_seed(seed)
    config = LoraConfig(
        r=LORA_RANK, lora_alpha=LORA_RANK, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    model = get_peft_model(load(out / "reference"), config)
    break_alignment(model, tokenizer, seed, LORA_ATTACK, random.Random(seed))
    save_adapter(model, out / "adapter")
    attacked = PeftModel.from_pretrained(load(out / "reference"), out / "adapter")
    return check(attacked.merge_and_unload().float(), tokenizer, seed)


def main() -> None:
    """Read the command line, build, print the check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    os.umask(0o022)
    start = time.monotonic()
    table = build(options.seed, options.out)
    for name, row in table.items():
        rounded = {measure: round(value, 4) for measure, value in row.items()}
        sys.stdout.write(f"{name} {json.dumps(rounded)}\n")
    sys.stdout.write(f"{time.monotonic() - start:.0f} seconds\n")


if __name__ == "__main__":
    main()
