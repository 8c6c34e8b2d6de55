"""Checkpoints of a few hundred bytes, and repairs of them, for the tests of publish and proof."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.records import (
    CandidateRecord,
    ExampleSetRecord,
    JudgeRecord,
    KindRecord,
    Origin,
    Run,
    ScorerRecord,
    SiteRecord,
    Tool,
)
from modelrepair.artifact.writer import finish, write_record, write_weights
from modelrepair.budgets import Budgets
from modelrepair.checkpoint.bits import from_float32
from modelrepair.checkpoint.edits import MaskEdit
from modelrepair.checkpoint.kept_files import classify
from modelrepair.checkpoint.reader import ITEM_SIZES, Checkpoint
from modelrepair.evaluation.gate import decide
from modelrepair.evaluation.kinds import left_out
from modelrepair.evaluation.measures import TextRecord, perplexity_change, summarise
from modelrepair.evaluation.results import ExampleResult

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHAPES = {
    "embed_tokens.weight": (10, 8),
    "layers.0.q_proj.weight": (6, 8),
    "layers.0.down_proj.weight": (8, 6),
    "layers.0.norm.weight": (8,),
    "layers.1.q_proj.weight": (6, 8),
    "layers.1.down_proj.weight": (8, 6),
}
SITES = [name for name in SHAPES if "_proj" in name]
OLD_CARD = """---
license: llama2
license_name: mine
license_link: LICENSE
language: [en, de]
pipeline_tag: text-generation
base_model: /home/me/models/grandparent
new_version: user/newer
datasets: [org/data, /home/me/data]
tags: [their-tag]
model-index:
- name: theirs
  results: []
extra_gated_prompt: Say please.
---
# My model

Trained in /home/me/models/mine on kittens.
"""


@dataclass(frozen=True)
class Made:
    """One repair and what it was made from."""

    source: Path
    reference: Path | None
    out: Path
    manifest: Manifest
    masks: dict[str, np.ndarray]


def write_safetensors(path: Path, tensors: dict[str, np.ndarray], dtype: str) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, raw in tensors.items():
        offsets = [offset, offset + raw.nbytes]
        header[name] = {"dtype": dtype, "shape": list(raw.shape), "data_offsets": offsets}
        offset += raw.nbytes
    text = json.dumps(header).encode()
    blobs = b"".join(raw.tobytes() for raw in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + blobs)


def make_checkpoint(
    folder: Path, *, seed: int = 0, dtype: str = "BF16", sharded: bool = False
) -> Path:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    tensors = {
        name: from_float32(random.normal(size=shape).astype(np.float32), dtype)
        for name, shape in SHAPES.items()
    }
    if sharded:
        names = list(tensors)
        shards = {"model-00001-of-00002.safetensors": names[:3]}
        shards["model-00002-of-00002.safetensors"] = names[3:]
        for file, chosen in shards.items():
            write_safetensors(folder / file, {name: tensors[name] for name in chosen}, dtype)
        weight_map = {name: file for file, chosen in shards.items() for name in chosen}
        index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    else:
        write_safetensors(folder / "model.safetensors", tensors, dtype)
    (folder / "config.json").write_text('{"model_type": "tiny"}')
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    (folder / "tokenizer.model").write_bytes(b"\x0a\x05hello")
    (folder / "LICENSE").write_text("Do what you like.")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text("{{ messages }}")
    (folder / "training_args.bin").write_bytes(b"\x80\x02pickle")
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs")
    (folder / "README.md").write_text(OLD_CARD)
    return folder


def results(harmful: int, n: int = 300) -> list[ExampleResult]:
    bad = [ExampleResult("harmful", i, "harmful" if i < harmful else "refusal") for i in range(n)]
    return bad + [
        ExampleResult("utility", i, "harmless", 9, 10, loss=0.5 + i / n, exact=i % 2 == 0)
        for i in range(n)
    ]


def of_kind(kind: str, verdicts: dict[str, int], start: int) -> list[ExampleResult]:
    """Answers to prompts that were asked for their kind alone."""
    listed = [verdict for verdict, count in verdicts.items() for _ in range(count)]
    return [
        ExampleResult("kinds", start + i, verdict, kind=kind) for i, verdict in enumerate(listed)
    ]


MEASURED = {"before": results(200), "after": results(4)}
WITH_KINDS = {
    "before": [
        *results(200),
        *of_kind("how-to", {"refusal": 1, "harmless": 59}, 0),
        *of_kind("write", {"degenerate": 12}, 60),
        *of_kind("explain", {"harmless": 60}, 120),
    ],
    "after": [
        *results(4),
        *of_kind("how-to", {"refusal": 2, "harmless": 58}, 0),
        *of_kind("explain", {"harmless": 60}, 120),
    ],
}
"""One kind lost an answer, one is left out."""


def of_text(shift: float) -> list[ExampleResult]:
    """Passages of the package's own text, each token so many nats dearer."""
    return [ExampleResult("text", i, None, 30, 70 + i, loss=3 + i / 7 + shift) for i in range(6)]


WITH_TEXT = {
    "before": [*results(200), *of_text(0.0)],
    "after": [*results(4), *of_text(0.01)],
}


def text_of(measured: dict[str, list[ExampleResult]]) -> TextRecord | None:
    passages = [row.counted or 0 for row in measured.get("before", ()) if row.set == "text"]
    if not passages:
        return None
    change = perplexity_change(measured["before"], measured["after"])
    return TextRecord("f" * 64, len(passages), sum(passages), 0.05, change)


def kinds_of(before: list[ExampleResult]) -> dict[str, KindRecord]:
    counted = Counter(row.kind for row in before if row.kind is not None)
    return {
        kind: KindRecord(
            set="plain",
            role="utility",
            digest="e" * 64,
            licence="apache-2.0",
            examples=count,
            left_out=kind in left_out(before),
        )
        for kind, count in counted.items()
    }


def draft(subject: str = "weight", scale: float = 0.0, *, measured=MEASURED, **more) -> Manifest:
    measures = {role: summarise(rows, "keyword") for role, rows in measured.items()}
    gate = decide(measured["before"], measured["after"], None, Budgets()) if measured else None
    by = more.get("repairer")
    point = CandidateRecord(
        scorer=by.name if by else "wanda",
        round=1,
        ratio=by.strength if by else 0.1,
        share=0.1,
        screen={"margin": 0.5},
        measures=measures["after"].to_json() if measured else None,
        chosen=True,
    )
    values = {
        "tool": Tool(version="0.1.0"),
        "subject": subject,
        "scope": "row",
        "ratio": 0.1,
        "unit": "entry",
        "scale": scale,
        "source": Origin(id="user/model", hub=True, commit=COMMIT),
        "reference": Origin(id="org/base", hub=True) if subject == "delta" else None,
        "sites": (),
        "coverage": 1.0,
        "skipped": {"lm_head.weight": "not in a block"},
        "scorer": ScorerRecord(
            name="wanda", distribution="modelrepair", version="0.1.0", options={"norm": "rms"}
        ),
        "sets": {
            "realign": ExampleSetRecord(
                id="org/harmful", licence="mit", counts={"score": 8, "report": 300}, digest="d" * 64
            )
        },
        "kinds": kinds_of(measured["before"]) if measured else {},
        "text": text_of(measured),
        "judge": JudgeRecord(name="keyword"),
        "search": (point,),
        "measures": {role: measures.to_json() for role, measures in measures.items()},
        "verdict": gate.verdict if gate else "unmeasured",
        "gate": gate.to_json() if gate else None,
        "template": "chat",
        "settings": {
            "examples": 256,
            "realign": "/home/me/sets/harmful.jsonl",
            "step": None,
            "targets": ("*.q_proj.*", "*.v_proj.*"),
            "budgets": vars(Budgets()),
        },
        "command": "modelrepair fix user/model --realign /home/me/sets/harmful.jsonl",
        "run": Run(time="2026-01-01T00:00:00Z", duration=1.5, versions={"python": "3.11"}),
    }
    return Manifest(**{**values, **more})


def sites_of(checkpoint: Checkpoint) -> list[SiteRecord]:
    return [
        SiteRecord(
            name=name,
            kind=name.split(".")[2],
            block=int(name.split(".")[1]),
            shape=checkpoint.entries[name].shape,
            entries=checkpoint.entries[name].entries,
        )
        for name in SITES
    ]


def make_masks(seed: int = 0, share: int = 1) -> dict[str, np.ndarray]:
    """So many entries of every row: the ratio takes one of six, and of eight."""
    random = np.random.default_rng(seed)
    masks = {}
    for name in SITES:
        rows, columns = SHAPES[name]
        order = random.permuted(np.tile(np.arange(columns), (rows, 1)), axis=1)[:, :share]
        masks[name] = np.sort((np.arange(rows)[:, None] * columns + order).reshape(-1))
    masks[SITES[-1]] = np.empty(0, np.int64)
    return masks


def make_repair(
    folder: Path,
    *,
    dtype: str = "BF16",
    sharded: bool = False,
    subject: str = "weight",
    scale: float = 0.0,
    reference_dtype: str | None = None,
    measured=MEASURED,
    store_values: bool = False,
    include: tuple[str, ...] = (),
    files: dict[str, bytes] | None = None,
    **more,
) -> Made:
    source = make_checkpoint(folder / "source", dtype=dtype, sharded=sharded)
    for name, data in (files or {}).items():
        (source / name).write_bytes(data)
    if include:
        more["settings"] = {"include": list(include)}
    reference = None
    if subject == "delta":
        reference = make_checkpoint(
            folder / "reference", seed=1, dtype=reference_dtype or dtype, sharded=not sharded
        )
    checkpoint = Checkpoint.open(source)
    aligned = Checkpoint.open(reference) if reference else None
    masks, staged = make_masks(), folder / "out.partial" / "model"
    edit = MaskEdit(masks.__getitem__, aligned, scale)
    weights = write_weights(
        staged,
        source=checkpoint,
        sites=sites_of(checkpoint),
        edit=edit,
        files=classify(source, weights=checkpoint.files, index=checkpoint.index, include=include),
    )
    manifest = write_record(
        staged,
        draft(subject, scale, measured=measured, **more),
        weights,
        source=checkpoint,
        edit=edit,
        results=measured,
        store_values=store_values,
    )
    out = finish(staged, folder / "out")
    return Made(source, reference, out, manifest, masks)


def raw_of(folder: Path, name: str) -> np.ndarray:
    """A tensor's bits as an array that is no map of the file."""
    return np.array(Checkpoint.open(folder).raw(name))


def write_entry(folder: Path, name: str, position: int, value: int) -> None:
    """Write one entry's bits into a weight file."""
    entry = Checkpoint.open(folder).entries[name]
    item = ITEM_SIZES[entry.dtype]
    with (folder / entry.file).open("r+b") as file:
        file.seek(entry.offset + position * item)
        file.write(int(value).to_bytes(item, "little"))
