"""What breaks a model, a set, an option or the machine, for the table of bad inputs."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from unittest import mock

import pytest
from safetensors.torch import load_file, save_file

from modelrepair.demo import paths
from tests.support.error_ids import code_of
from tests.support.small_repairs import make_repair

BASE = {
    "--realign": "realign.jsonl",
    "--utility": "none",
    "--borderline": "none",
    "--reference": "none",
    "--scorer": "wanda",
    "--ratio": "0.01",
    "--judge": "demo-world",
    "--examples": "8",
    "--out": "out",
}
HELP = "see `modelrepair fix --help`"
FIRST = "model.layers.0.self_attn.q_proj.weight"
Q = "model.layers.0.self_attn.q_proj.weight"


TURNS = (
    "{% for m in messages %}<|{{ m.role }}|>{{ CONTENT }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CUTS = TURNS.replace("CONTENT", "m.content.split('/')[-1]")
"""A chat template that takes a thought out of answers."""
REFUSES = TURNS.replace(
    "CONTENT", "raise_exception('no system prompts') if m.role == 'system' else m.content"
)
"""A chat template without system prompts, that says so."""
FORGETS = TURNS.replace("CONTENT", "'' if m.role == 'system' else m.content")
"""A chat template without system prompts, that does not."""


@dataclass(frozen=True)
class Row:
    """One thing that goes wrong.

    Args:
        what: what is wrong, for the page.
        id: of the error; empty where there is none.
        line: what follows "Error: "; "…" stands for any text.
        hint: what follows "Hint [id]: ", likewise.
        options: beside those of `BASE`, or in their place.
        make: breaks the folder that the command runs in; "model" is in it.
        without: names of `BASE` that are left out.
        source: what is repaired.
        patch: breaks the machine.
        evaluate: whether the result would be measured.
        rest: whether an unfinished repair stays, to go on with.
    """

    what: str
    id: str
    line: str
    hint: str
    options: str = ""
    make: Callable[[Path], object] | None = None
    without: tuple[str, ...] = ()
    source: str = "model"
    patch: Callable[[pytest.MonkeyPatch], None] | None = None
    evaluate: bool = False
    rest: bool = False

    @property
    def code(self) -> int:
        """The exit code of that error."""
        return code_of(self.id)

    def arguments(self) -> list[str]:
        """The command, to be run in the folder that ``make`` broke."""
        kept = [f"{key}={value}" for key, value in BASE.items() if key not in self.without]
        measured = [] if self.evaluate else ["--no-evaluate"]
        return ["fix", self.source, *kept, *measured, *self.options.split()]


def tensors(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Change the model's tensors."""

    def make(folder: Path) -> None:
        path = folder / "model" / "model.safetensors"
        found = {name: tensor.clone() for name, tensor in load_file(path).items()}
        change(found)
        save_file(found, path, {"format": "pt"})

    return make


def config(**changes: object) -> Callable[[Path], None]:
    """Change the model's config; None removes a key."""

    def make(folder: Path) -> None:
        path = folder / "model" / "config.json"
        values = {**json.loads(path.read_text()), **changes}
        path.write_text(json.dumps({k: v for k, v in values.items() if v is not None}))

    return make


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Write a file."""

    def make(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def finished(folder: Path) -> None:
    """A finished repair of another model where the output would go."""
    with mock.patch("modelrepair.artifact.writer.plot_layers", return_value=False):
        made = make_repair(folder.parent / f"{folder.name}-made")
    shutil.move(made.out, folder / "done")


def gone(*names: str) -> Callable[[Path], None]:
    """Remove files of the model."""

    def make(folder: Path) -> None:
        for name in names:
            (folder / "model" / name).unlink()

    return make


def only(name: str) -> Callable[[Path], None]:
    """The weights in another format alone."""

    def make(folder: Path) -> None:
        (folder / "model" / "model.safetensors").rename(folder / "model" / name)

    return make


def cut(folder: Path) -> None:
    """A shard whose end is missing."""
    path = folder / "model" / "model.safetensors"
    os.truncate(path, path.stat().st_size - 1000)


def indexed(*files: str) -> Callable[[Path], None]:
    """An index that says where one tensor lies."""
    index = {"weight_map": {f"w{number}": file for number, file in enumerate(files)}}

    def make(folder: Path) -> None:
        shard = folder / "model" / "model-00001-of-00002.safetensors"
        (folder / "model" / "model.safetensors").rename(shard)
        text("model/model.safetensors.index.json", json.dumps(index))(folder)

    return make


def swap(folder: Path) -> None:
    """The two sets of the harmful family in each other's place."""
    (folder / "realign.jsonl").rename(folder / "old.jsonl")
    (folder / "refusal.jsonl").rename(folder / "realign.jsonl")
    (folder / "old.jsonl").rename(folder / "refusal.jsonl")


def again(folder: Path) -> None:
    """The model once more."""
    shutil.copytree(folder / "model", folder / "again")


def sound(folder: Path) -> None:
    """The model once more, and a NaN in the first one: the damaged one is the reference."""
    again(folder)
    value(math.nan)(folder)


def above(folder: Path) -> None:
    """The model one level deeper than it is asked for."""
    shutil.copytree(folder / "model", folder / "run" / "checkpoint-9")


def embedding(rows: int) -> Callable[[Path], None]:
    """The model with fewer rows in its embedding, or with rows of zeros at its end."""

    def resize(found: dict) -> None:
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            made = found[name].new_zeros(rows, found[name].shape[1])
            kept = min(rows, len(found[name]))
            made[:kept] = found[name][:kept]
            found[name] = made

    def make(folder: Path) -> None:
        tensors(resize)(folder)
        config(vocab_size=rows)(folder)

    return make


def template(written: str | None, rows: Sequence[str] = ()) -> Callable[[Path], None]:
    """The model with another chat template, or none, and a realign set, line by line."""

    def make(folder: Path) -> None:
        path = folder / "model" / "tokenizer_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "chat_template": written}))
        if rows:
            lines(*rows)(folder)

    return make


def other_architecture(folder: Path) -> None:
    """A tiny model that shares nothing with the demo's but the tokenizer."""
    from tests.support import tiny

    tiny.save("gpt_neox", folder / "other")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(paths.reference / name, folder / "other" / name)


def value(number: float) -> Callable[[Path], None]:
    """One bad number in a weight."""
    return tensors(lambda found: found[Q].reshape(-1).__setitem__(77, number))


def lines(*rows: str) -> Callable[[Path], None]:
    """The realign set, line by line."""
    return text("realign.jsonl", "".join(row + "\n" for row in rows))


def prompts(folder: Path) -> None:
    """The prompts of the realign set, without their answers."""
    rows = map(json.loads, (folder / "realign.jsonl").open())
    made = [json.dumps({"prompt": row["prompt"]}) + "\n" for row in rows]
    (folder / "prompts.jsonl").write_text("".join(made))


def scorer(body: str, **traits: object) -> Callable[[Path], None]:
    """A scorer of the user's own."""
    described = "".join(f"    {name} = {value!r}\n" for name, value in traits.items())
    return text(
        "mine.py",
        "import torch\nclass Mine:\n    sets = {}\n    needs = {}\n" + described +
        "    def __init__(self, options, subject_kind): pass\n"
        f"    def score(self, view, statistics):\n        {body}\n",
    )  # fmt: skip


def failing(
    target: str, error: BaseException, after: int = 0
) -> Callable[[pytest.MonkeyPatch], None]:
    """A function that raises, from its call number ``after`` on."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        function, calls = resolve_name(target), iter(range(1 << 30))

        def call(*arguments: object, **options: object) -> object:
            if next(calls) >= after:
                raise error
            return function(*arguments, **options)

        monkeypatch.setattr(target, call)

    return patch


def giving(target: str, answer: object) -> Callable[[pytest.MonkeyPatch], None]:
    """A function that gives this, whatever it is asked."""
    return lambda monkeypatch: monkeypatch.setattr(target, lambda *_: answer)


def setting(target: str, value: object) -> Callable[[pytest.MonkeyPatch], None]:
    """A number of ours that has another value."""
    return lambda monkeypatch: monkeypatch.setattr(target, value)
