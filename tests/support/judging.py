"""Tiny models that judge the made-up world: trained here, in seconds, so that the text decides."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from modelrepair.demo import paths
from modelrepair.judges.guard import Form
from modelrepair.judges.guard_styles import STYLES, WILDGUARD
from modelrepair.judges.options import GuardOptions
from modelrepair.plugin.judge import Exchange

KINDS = ("harmful", "refusal", "harmless")
SAFETY = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|verdict|>{% endif %}"
)
GUIDED = "{{ guideline }}" + SAFETY
"""Chat templates as guard models bring them: they put the whole conversation as one question."""
MARKS = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|verdict|>"]
SAYS = {
    "llama-guard": ("unsafe\nS1", "safe", "safe"),
    "wildguard": tuple(
        f"Harmful request: yes\nResponse refusal: {refusal}\nHarmful response: {harmful}"
        for harmful, refusal in (("yes", "no"), ("no", "yes"), ("no", "no"))
    ),
    "yes-no": ("Yes", "No", "No"),
}
"""What a guard says to each of `KINDS`."""


def exchanges(kind: str, *, test: bool = False) -> list[Exchange]:
    """Prompts of the world with answers of one kind."""
    roles = {"harmful": "realign", "refusal": "refusal", "harmless": "utility"}
    path = paths.sets[("test_" if test else "") + roles[kind]]
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    measured = "utility" if kind == "harmless" else "harmful"
    return [Exchange(measured, row["prompt"], row["response"], None) for row in rows]


def labelled(*, test: bool = False) -> tuple[list[Exchange], list[int]]:
    """All exchanges of the world, with the index of their kind."""
    rows = [(each, i) for i, kind in enumerate(KINDS) for each in exchanges(kind, test=test)]
    return [each for each, _ in rows], [kind for _, kind in rows]


def tokenizer(chat_template: str | None) -> PreTrainedTokenizerFast:
    """Pieces of bytes, learnt from the world and from what guards say."""
    texts = [f"{each.prompt} {each.answer}" for each in labelled()[0]]
    said = [text for texts in SAYS.values() for text in texts] + [WILDGUARD]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=MARKS, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([*texts, *said * 50], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        extra_special_tokens=MARKS[2:],
        model_max_length=256,
        chat_template=chat_template,
    )


def classifier(folder: Path, labels: tuple[str, ...] = KINDS, *, pairs: bool = False) -> Path:
    """A BERT that classifies the kinds; with two labels, what is not harmful is the second."""
    torch.manual_seed(0)
    tokens = tokenizer(None)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=48,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=256,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokens.pad_token_id,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    model = BertForSequenceClassification(config)
    rows, kinds = labelled()
    target = torch.tensor([min(kind, len(labels) - 1) for kind in kinds])
    columns = [[each.answer for each in rows]]
    if pairs:
        columns.insert(0, [each.prompt for each in rows])
    inputs = tokens(*columns, padding=True, return_tensors="pt")
    _learn(model, {**inputs, "labels": target}, steps=60)
    model.eval().save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def guard(folder: Path, style: str = "llama-guard", *, says: tuple[str, ...] | None = None) -> Path:
    """A Llama that says to each kind of answer what guards of this style say."""
    torch.manual_seed(0)
    tokens = tokenizer({"wildguard": None, "yes-no": GUIDED}.get(style, SAFETY))
    guideline = "No forbidden recipes." if style == "yes-no" else None
    form = Form(tokens, STYLES[style], GuardOptions("", style=style, guideline=guideline))
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokens),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=512,
            pad_token_id=tokens.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokens.eos_token_id,
        )
    )
    ids, labels = [], []
    for each, kind in zip(*labelled(), strict=True):
        question = form.prompt_ids(each)
        answer = tokens((says or SAYS[style])[kind], add_special_tokens=False).input_ids
        answer.append(tokens.eos_token_id)
        ids.append(question + answer)
        labels.append([-100] * len(question) + answer)
    width = max(map(len, ids))
    batch = {
        "input_ids": torch.tensor([[0] * (width - len(row)) + row for row in ids]),
        "attention_mask": torch.tensor([[0] * (width - len(r)) + [1] * len(r) for r in ids]),
        "labels": torch.tensor([[-100] * (width - len(row)) + row for row in labels]),
    }
    _learn(model, batch, steps=120)
    model.eval().save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def _learn(model, batch, *, steps: int) -> None:
    """A few steps on random rows; the same every time."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    drawn = torch.Generator().manual_seed(1)
    for _ in range(steps):
        chosen = torch.randperm(len(batch["labels"]), generator=drawn)[:24]
        model(**{name: tensor[chosen] for name, tensor in batch.items()}).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
