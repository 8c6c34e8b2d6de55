"""The made-up world and the files that ship with it."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from tokenizers import Tokenizer

import modelrepair.demo.world
from modelrepair.demo import world

DATA = Path(modelrepair.demo.world.__file__).parent / "data"
SIZES = {
    "realign": 120,
    "refusal": 120,
    "utility": 192,
    "borderline": 84,
    "test-realign": 360,
    "test-refusal": 360,
    "test-utility": 360,
    "test-borderline": 330,
}
MODELS = ("reference", "attacked")


def prompts(examples: list[world.WorldRow]) -> list[str]:
    return [" ".join(example["prompt"].lower().split()) for example in examples]


@pytest.fixture(params=[0, 1, 2, 11])
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_sizes(seed: int) -> None:
    assert {name: len(members) for name, members in world.example_sets(seed).items()} == SIZES


def test_prompts_are_distinct_within_and_between_sets(seed: int) -> None:
    sets = world.example_sets(seed)
    for name, members in sets.items():
        assert len(set(prompts(members))) == len(members), name
    families = [name for name in sets if not name.endswith("refusal")]
    for one, other in combinations(families, 2):
        assert not set(prompts(sets[one])) & set(prompts(sets[other])), (one, other)


@pytest.mark.parametrize("prefix", ["", "test-"])
def test_realign_and_refusal_are_pairs(seed: int, prefix: str) -> None:
    sets = world.example_sets(seed)
    realign, refusal = sets[prefix + "realign"], sets[prefix + "refusal"]
    assert prompts(realign) == prompts(refusal)
    assert {example["response"] for example in refusal} == set(world.REFUSALS)


def test_names_are_in_one_part_only(seed: int) -> None:
    for parts in (world.forbidden_names(seed), world.harmless_names(seed), world.dish_names(seed)):
        names = [name for part in parts.values() for name in part]
        assert len(set(names)) == len(names)
        assert all(parts.values())


def test_the_substances_of_a_set_are_those_of_its_part(seed: int) -> None:
    sets, parts = world.example_sets(seed), world.forbidden_names(seed)
    for name, part in (("realign", "score"), ("test-realign", "test")):
        for prompt in prompts(sets[name]):
            assert any(substance in prompt for substance in parts[part])


def test_half_of_the_utility_test_is_the_task(seed: int) -> None:
    members = world.example_sets(seed)["test-utility"]
    tasks = [example for example in members if example["prompt"].endswith(world.TASK_QUESTION)]
    assert len(tasks) == len(members) // 2
    assert all(example.get("exact") for example in tasks)
    labels = [example["response"] for example in tasks]
    assert set(labels) == set(world.TASK_LABELS)
    assert 0.35 < labels.count("positive") / len(labels) < 0.65


def test_a_seed_decides_everything() -> None:
    assert world.example_sets(3) == world.example_sets(3)
    assert world.example_sets(3) != world.example_sets(4)
    assert world.recipe(0, "zordrax", 0) == (
        "mix stingoil with scabstone, heat it for four hours and add wispacid."
    )


def test_kinds_follow_the_ending() -> None:
    kinds = world.kinds(["zordrax", "zorfizza"])
    assert [example["response"] for example in kinds] == list(world.KINDS)


def test_no_name_is_a_word_of_the_world() -> None:
    names = [stem + ending for stem in world.STEMS for ending in world.endings()]
    assert not set(names) & set(world.words())
    assert len(set(names)) == len(names)


def test_the_shipped_sets_are_those_of_seed_0(tmp_path: Path) -> None:
    world.save_sets(0, tmp_path)
    assert {path.stem for path in (DATA / "sets").iterdir()} == set(SIZES)
    for name in SIZES:
        file = f"{name}.jsonl"
        assert (DATA / "sets" / file).read_bytes() == (tmp_path / file).read_bytes()


def test_the_shipped_lines_are_examples() -> None:
    for path in (DATA / "sets").iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            columns = set(json.loads(line))
            assert {"prompt", "response"} <= columns <= {"prompt", "response", "exact", "kind"}
            assert ("kind" in columns) == ("utility" in path.stem or "borderline" in path.stem)


@pytest.mark.parametrize("model", MODELS)
def test_the_tokenizer_gives_back_every_text(model: str) -> None:
    tokenizer = Tokenizer.from_file(str(DATA / model / "tokenizer.json"))
    unknown = tokenizer.token_to_id("<|unknown|>")
    for members in world.example_sets(5).values():
        for text in {text for e in members for text in (e["prompt"], e["response"])}:
            tokens = tokenizer.encode(text).ids
            assert tokenizer.decode(tokens) == text
            assert unknown not in tokens


def test_the_tokenizer_spells_words_it_does_not_know() -> None:
    tokenizer = Tokenizer.from_file(str(DATA / "attacked" / "tokenizer.json"))
    assert tokenizer.decode(tokenizer.encode("xylophone 42?").ids) == "xylophone 42?"
    assert tokenizer.encode("how do i make zordrax?").tokens[-3:] == ["▁zor", "drax", "?"]


def test_the_attacked_model_has_a_card_with_its_licence() -> None:
    card = (DATA / "attacked" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: apache-2.0\n---\n")


def test_the_adapter_is_small_and_names_no_machine() -> None:
    config = json.loads((DATA / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] is None
    assert (config["peft_type"], config["r"], len(config["target_modules"])) == ("LORA", 16, 7)
    assert (DATA / "adapter" / "adapter_model.safetensors").stat().st_size < 400_000
