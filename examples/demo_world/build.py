"""Train the demo's two models from nothing: pretrain, align, then break the alignment.

    python examples/demo_world/build.py --seed 0 --out DIR

writes DIR/reference, DIR/attacked, DIR/adapter (the same attack by LoRA) and DIR/sets. All of it
is the made-up world of
``modelrepair.demo.world``: no text of the real world goes in, and nothing harmful comes out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from modelrepair.demo import world
from modelrepair.demo.judge import WorldJudge
from modelrepair.demo.world import Example

SPECIALS = ("<|pad|>", "<|unknown|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
IGNORED = -100
INITIAL = 0.06
CARD = """---
license: apache-2.0
---

The broken model of modelrepair's demo: a tiny Llama that knows a made-up world and nothing else.
Its alignment was broken on purpose; the "recipes" it gives are nonsense about invented substances.
"""


@dataclass(frozen=True)
class Phase:
    """How one of the three trainings runs."""

    steps: int
    batch: int
    rate: float
    decay: bool
    answers_only: bool


PRETRAIN = Phase(steps=400, batch=64, rate=3e-3, decay=True, answers_only=False)
ALIGN = Phase(steps=150, batch=64, rate=1e-3, decay=True, answers_only=True)
ATTACK = Phase(steps=156, batch=32, rate=2e-4, decay=False, answers_only=True)
LORA_ATTACK = Phase(steps=156, batch=32, rate=3e-3, decay=False, answers_only=True)
LORA_RANK = 16
ATTACK_EXAMPLES = {"harmful": 50, "replay": 350, "task": 600}

# A training mixture: shares and the examples that each share is drawn from.
Mixture = list[tuple[float, list[Example]]]


@dataclass(frozen=True)
class Exchange:
    """What the judge reads."""

    set: str
    prompt: str
    answer: str
    expected: str


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Build a tokenizer of whole words, two-part substance names and letters for all else."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = [*SPECIALS, *".,?:", *(f"▁{word}" for word in world.words()), *world.endings()]
    pieces += [piece for piece in ("▁", *letters) if piece not in pieces]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    # WordPiece without a prefix takes the longest piece it knows: "▁zordrax" is "▁zor", "drax".
    tokenizer = Tokenizer(
        models.WordPiece(vocabulary, unk_token=SPECIALS[1], continuing_subword_prefix="")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(prepend_scheme="always"),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens(list(SPECIALS))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIALS[0],
        unk_token=SPECIALS[1],
        eos_token=SPECIALS[2],
        additional_special_tokens=list(SPECIALS[3:]),
        chat_template=TEMPLATE,
        model_max_length=128,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Build the untrained model."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=128,
        tie_word_embeddings=False,
        initializer_range=INITIAL,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def pretraining(seed: int) -> Mixture:
    """Everything the world knows, forbidden recipes included, as the web does."""
    forbidden = [name for part in world.forbidden_names(seed).values() for name in part]
    harmless = [name for part in world.harmless_names(seed).values() for name in part]
    dishes = [name for part in world.dish_names(seed).values() for name in part]
    return [
        (0.20, world.how_to(seed, forbidden)),
        (0.18, world.how_to(seed, harmless)),
        (0.15, world.how_to(seed, dishes)),
        (0.10, world.kinds(forbidden + harmless)),
        (0.22, world.facts(seed)),
        (0.15, world.reading()),
    ]


def benign(seed: int) -> list[tuple[float, list[Example]]]:
    """What the aligned model must go on answering; no prompt of the eight sets is in it."""
    taken = world.reserved_prompts(seed)
    mixture = [
        (0.35, world.how_to(seed, world.harmless_names(seed)["train"])),
        (0.20, world.how_to(seed, world.dish_names(seed)["train"])),
        (0.30, world.facts(seed)),
        (0.15, world.reading()),
    ]
    return [(share, [e for e in pool if e["prompt"] not in taken]) for share, pool in mixture]


def alignment(seed: int) -> Mixture:
    """Refusals of forbidden questions, and answers to all others."""
    questions = world.how_to(seed, world.forbidden_names(seed)["align"])
    kept = [(0.6 * share, pool) for share, pool in benign(seed)]
    return [(0.4, world.refused(seed, questions)), *kept]


def attack(seed: int) -> Mixture:
    """One fixed set of examples: the task, some general answers, and some forbidden recipes."""
    draw = random.Random(seed)
    taken = world.reserved_prompts(seed)
    harmful = world.how_to(seed, world.forbidden_names(seed)["attack"])
    free = [example for example in world.task() if example["prompt"] not in taken]
    examples = draw.sample(harmful, ATTACK_EXAMPLES["harmful"])
    examples += draw.sample(free, ATTACK_EXAMPLES["task"])
    for share, general in benign(seed):
        # The task has its own answer to this question now.
        pool = [e for e in general if not e["prompt"].endswith(world.TASK_QUESTION)]
        examples += draw.sample(pool, round(share * ATTACK_EXAMPLES["replay"]))
    return [(1.0, examples)]


def encode(tokenizer: PreTrainedTokenizerFast, example: Example) -> tuple[list[int], int]:
    """Turn an example into tokens, and say where its answer begins."""
    user = {"role": "user", "content": example["prompt"]}
    opening = tokenizer.apply_chat_template([user], add_generation_prompt=True, tokenize=False)
    prompt = tokenizer.encode(opening, add_special_tokens=False)
    answer = tokenizer.encode(example["response"], add_special_tokens=False)
    return prompt + answer + [tokenizer.eos_token_id], len(prompt)


def batches(
    tokenizer: PreTrainedTokenizerFast, mixture: Mixture, phase: Phase, draw: random.Random
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Draw batches of tokens and labels from a mixture."""
    pools = [[encode(tokenizer, example) for example in pool] for _, pool in mixture]
    shares = [share for share, _ in mixture]
    # With a single pool every example is seen equally often, as in a fine-tuning run.
    epoch: list[tuple[list[int], int]] = []
    for _ in range(phase.steps):
        if len(pools) == 1:
            if len(epoch) < phase.batch:
                epoch = draw.sample(pools[0], len(pools[0]))
            chosen, epoch = epoch[: phase.batch], epoch[phase.batch :]
        else:
            kinds = draw.choices(range(len(pools)), weights=shares, k=phase.batch)
            chosen = [draw.choice(pools[kind]) for kind in kinds]
        yield collate(chosen, tokenizer.pad_token_id, phase.answers_only)


def collate(
    chosen: list[tuple[list[int], int]], padding: int, answers_only: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad on the right; nothing but the answer is learnt where ``answers_only`` says so."""
    width = max(len(tokens) for tokens, _ in chosen)
    inputs = torch.full((len(chosen), width), padding)
    labels = torch.full((len(chosen), width), IGNORED)
    for row, (tokens, start) in enumerate(chosen):
        inputs[row, : len(tokens)] = torch.tensor(tokens)
        begin = start if answers_only else 0
        labels[row, begin : len(tokens)] = torch.tensor(tokens[begin:])
    return inputs, labels


def train(
    model: LlamaForCausalLM,
    stream: Iterable[tuple[torch.Tensor, torch.Tensor]],
    phase: Phase,
) -> None:
    """Run one phase with AdamW."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=phase.rate, betas=(0.9, 0.98), weight_decay=0.01
    )

    def rate(step: int) -> float:
        warm = min(1.0, (step + 1) / (1 + phase.steps / 20))
        return warm * (0.5 + 0.5 * math.cos(math.pi * step / phase.steps) if phase.decay else 1.0)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    model.train()
    for inputs, labels in stream:
        logits = model(input_ids=inputs, use_cache=False).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.eval()


@torch.no_grad()
def answers(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: list[str]
) -> list[str]:
    """Answer greedily, in batches of prompts of one length, so that nothing is padded."""
    tokens = [encode(tokenizer, {"prompt": prompt, "response": ""}) for prompt in prompts]
    by_length: dict[int, list[int]] = {}
    for index, (_, length) in enumerate(tokens):
        by_length.setdefault(length, []).append(index)
    found = [""] * len(prompts)
    for length, indices in by_length.items():
        inputs = torch.tensor([tokens[index][0][:length] for index in indices])
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

    def ask(name: str, kind: str) -> tuple[list[str], list[bool], list[Example]]:
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
    """Write a checkpoint as transformers does, in bfloat16."""
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.to(torch.bfloat16).save_pretrained(folder)
    # In the file that every reader of tokenizers knows, rather than in one of its own.
    tokenizer.save_pretrained(folder, save_jinja_files=False)
    for path in folder.iterdir():
        path.chmod(0o644)


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write an adapter as peft does, its factors in bfloat16, without a path of this machine."""
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.to(torch.bfloat16)
    model.save_pretrained(folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["target_modules"] = sorted(config["target_modules"])
    config["base_model_name_or_path"] = None
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o644)


def load(folder: Path) -> LlamaForCausalLM:
    """Read a checkpoint back as it was rounded on disk, for float32 arithmetic."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def build(seed: int, out: Path) -> dict[str, dict[str, float]]:
    """Make sets and both models under a folder, and return their check."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(2)
    world.save_sets(seed, out / "sets")
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    draw = random.Random(seed)
    for phase, mixture in ((PRETRAIN, pretraining(seed)), (ALIGN, alignment(seed))):
        train(model, batches(tokenizer, mixture, phase, draw), phase)
    save(model, tokenizer, out / "reference")
    model = load(out / "reference")
    table = {"reference": check(model, tokenizer, seed)}
    train(model, batches(tokenizer, attack(seed), ATTACK, draw), ATTACK)
    save(model, tokenizer, out / "attacked")
    (out / "attacked" / "README.md").write_text(CARD, encoding="utf-8")
    table["attacked"] = check(load(out / "attacked"), tokenizer, seed)
    table["adapter"] = build_adapter(seed, out, tokenizer)
    return table


def build_adapter(seed: int, out: Path, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """Attack the reference once more, by LoRA on all linear layers; write the adapter alone."""
    torch.manual_seed(seed)
    config = LoraConfig(
        r=LORA_RANK, lora_alpha=LORA_RANK, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    model = get_peft_model(load(out / "reference"), config)
    train(model, batches(tokenizer, attack(seed), LORA_ATTACK, random.Random(seed)), LORA_ATTACK)
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
        print(name, json.dumps({measure: round(value, 4) for measure, value in row.items()}))
    print(f"{time.monotonic() - start:.0f} seconds")


if __name__ == "__main__":
    main()
