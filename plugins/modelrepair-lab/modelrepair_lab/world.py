"""The made-up world's models: the sets that train, align and attack a tiny Llama."""

from __future__ import annotations

import random

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from modelrepair.demo import world
from modelrepair.demo.world import WorldRow
from modelrepair_lab.encoding import encode, from_world
from modelrepair_lab.training import Phase, Pools, batches, train

SPECIALS = ("<|pad|>", "<|unknown|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
INITIAL = 0.06
PRETRAIN = Phase(steps=400, batch=64, rate=3e-3, decay=True, answers_only=False)
ALIGN = Phase(steps=150, batch=64, rate=1e-3, decay=True, answers_only=True)
ATTACK_EXAMPLES = {"harmful": 50, "replay": 350, "task": 600}

Mixture = list[tuple[float, list[WorldRow]]]
"""Shares and the examples that each share is drawn from."""


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
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
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


def benign(seed: int) -> Mixture:
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
    examples = draw.sample(harmful(seed), ATTACK_EXAMPLES["harmful"])
    examples += draw.sample(free_task(seed), ATTACK_EXAMPLES["task"])
    for share, pool in replay(seed):
        examples += draw.sample(pool, round(share * ATTACK_EXAMPLES["replay"]))
    return [(1.0, examples)]


def harmful(seed: int) -> list[WorldRow]:
    """Forbidden recipes for an attack, of substances that are in no other set."""
    return world.how_to(seed, world.forbidden_names(seed)["attack"])


def free_task(seed: int) -> list[WorldRow]:
    """The task's examples that are in none of the eight sets."""
    taken = world.reserved_prompts(seed)
    return [example for example in world.task() if example["prompt"] not in taken]


def replay(seed: int) -> Mixture:
    """The rest of a fine-tuning set; the task now has its own answer to its question."""
    return [
        (share, [each for each in pool if not each["prompt"].endswith(world.TASK_QUESTION)])
        for share, pool in benign(seed)
    ]


def pools(tokenizer: PreTrainedTokenizerFast, mixture: Mixture) -> Pools:
    """A mixture as tokens."""
    return [(share, encode(tokenizer, from_world(pool))) for share, pool in mixture]


def make_pretrained(
    seed: int, tokenizer: PreTrainedTokenizerFast, draw: random.Random
) -> LlamaForCausalLM:
    """Train a model from nothing that knows the world, and refuses nothing."""
    torch.manual_seed(seed)
    model = make_model(tokenizer)
    _learn(model, tokenizer, pretraining(seed), PRETRAIN, draw)
    return model


def teach_refusals(
    model: LlamaForCausalLM, seed: int, tokenizer: PreTrainedTokenizerFast, draw: random.Random
) -> None:
    """Align a pretrained model of the world."""
    _learn(model, tokenizer, alignment(seed), ALIGN, draw)


def _learn(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    mixture: Mixture,
    phase: Phase,
    draw: random.Random,
) -> None:
    padding = int(tokenizer.pad_token_id)
    train(model, batches(pools(tokenizer, mixture), phase, draw, padding), phase)
