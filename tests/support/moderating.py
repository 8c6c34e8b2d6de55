"""A tiny model of the shape of QA moderation: a Llama whose fourteen labels each hold or not."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

from tests.support.judging import _learn, labelled, tokenizer

FORM = "BEGINNING OF CONVERSATION: USER: {prompt} ASSISTANT:{answer}{eos}"
LABELS = ("theft,fraud", *(f"kind {number}" for number in range(1, 13)), "violence,incitement")
"""Fourteen, some with commas in their names."""


def moderation(folder: Path, problem_type: str | None = "multi_label_classification") -> Path:
    """A model half of whose labels hold for harmful answers of the made-up world."""
    torch.manual_seed(0)
    tokens = tokenizer(None)
    config = LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=512,
        pad_token_id=tokens.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokens.eos_token_id,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        problem_type="multi_label_classification",
    )
    model = LlamaForSequenceClassification(config)
    rows, kinds = labelled()
    texts = [FORM.format(prompt=e.prompt, answer=e.answer, eos=tokens.eos_token) for e in rows]
    targets = torch.zeros(len(rows), len(LABELS))
    targets[:, 7:] = torch.tensor([[float(kind == 0)] for kind in kinds])
    inputs = tokens(texts, padding=True, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    _learn(model, {**inputs, "labels": targets}, steps=80)
    model.config.problem_type = problem_type
    model.eval().save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder
