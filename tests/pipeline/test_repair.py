"""Whole repairs of the demo's model: what is written, what is kept, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from modelrepair import (
    UnsupportedModelError,
    UsageError,
    apply,
    load_manifest,
    measure,
    repair,
    verify,
)
from modelrepair.artifact.digests import digest
from modelrepair.checkpoint.mask import open_mask
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.cli.main import run as run_command
from modelrepair.demo import paths
from modelrepair.errors import EmptyMaskError, ExampleSetError
from tests.support.killed_repairs import assert_same_repair, kill_and_go_on
from tests.support.set_files import shuffled


def test_every_byte_outside_the_masked_entries_is_the_source_s(repaired):
    out, _ = repaired
    checkpoint = Checkpoint.open(paths.attacked)
    reference = Checkpoint.open(paths.reference)
    changed = np.frombuffer((out / "model.safetensors").read_bytes(), np.uint8)
    original = np.frombuffer((paths.attacked / "model.safetensors").read_bytes(), np.uint8)
    assert changed.shape == original.shape
    may_differ = np.zeros(len(original), bool)
    mask = open_mask(out / "repair" / "mask.safetensors")
    for name in mask.names:
        entry = checkpoint.entries[name]
        positions = mask.positions(name, entry.entries)
        for byte in range(2):  # bfloat16
            may_differ[entry.offset + 2 * positions + byte] = True
        repaired_bits = Checkpoint.open(out).raw(name).reshape(-1)[positions]
        assert np.array_equal(repaired_bits, reference.raw(name).reshape(-1)[positions])
    assert not (changed != original)[~may_differ].any()
    assert (changed != original).any()
    for name in (
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ):
        assert (out / name).read_bytes() == (paths.attacked / name).read_bytes()


def test_the_result_is_what_transformers_loads(repaired):
    from transformers import AutoModelForCausalLM

    out, _ = repaired
    _, info = AutoModelForCausalLM.from_pretrained(out, output_loading_info=True)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))


@pytest.mark.parametrize("tampering", ["outside", "inside", "added", "tokenizer"])
def test_verify_says_what_was_tampered_with(repaired, tmp_path, capsys, tampering):
    out = tmp_path / "tampered"
    shutil.copytree(repaired[0], out)
    weights = out / "model.safetensors"
    entry = Checkpoint.open(out).entries["model.layers.0.mlp.up_proj.weight"]
    mask = open_mask(out / "repair" / "mask.safetensors")
    masked = set(mask.positions(entry.name, entry.entries).tolist())
    changed = bytearray(weights.read_bytes())
    if tampering == "outside":
        free = next(position for position in range(entry.entries) if position not in masked)
        changed[entry.offset + 2 * free] ^= 1
        expected = entry.name
    elif tampering == "inside":
        place = entry.offset + 2 * min(masked)
        changed[place : place + 2] = paths.attacked.joinpath(weights.name).read_bytes()[
            place : place + 2
        ]
        expected = entry.name
    elif tampering == "added":
        (out / "vocab.json").write_text("{}")
        expected = "vocab.json"
    else:
        text = (out / "tokenizer.json").read_text()
        (out / "tokenizer.json").write_text(text.replace('"zor', '"zar', 1) + " ")
        expected = "tokenizer.json"
    weights.write_bytes(changed)
    command = ["verify", str(out), "--source", str(paths.attacked), "--reference"]
    assert run_command([*command, str(paths.reference)]) == 1
    assert expected in capsys.readouterr().out


def test_apply_rebuilds_the_files_bit_for_bit(repaired, tmp_path):
    out, _ = repaired
    rebuilt = apply(out, paths.attacked, reference=paths.reference, out=tmp_path / "rebuilt")
    assert (rebuilt / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()


def test_verdicts_and_card_tell_nothing_of_the_sets(repaired):
    out, report = repaired
    written = "\n".join(
        path.read_text() for path in (out / "README.md", *(out / "repair").glob("*.json*"))
    )
    prompts = [json.loads(line)["prompt"] for line in paths.sets["test_realign"].open()]
    assert not any(prompt in written for prompt in prompts)
    assert str(paths.world.parent) not in written
    assert report.manifest == load_manifest(out)


def test_the_order_of_the_examples_does_not_change_a_bit(quick_repair, tmp_path):
    options = {"scorer": "contrast", "ratio": 0.002, "step": 0.001}
    first = quick_repair("first", **options)
    roles = ("realign", "refusal", "utility", "borderline")
    sets = {role: shuffled(paths.sets[role], tmp_path / f"{role}.jsonl") for role in roles}
    second = quick_repair("second", **options, **sets)
    mask = "repair/mask.safetensors"
    assert (first.out / mask).read_bytes() == (second.out / mask).read_bytes()
    assert digest(first.manifest) == digest(second.manifest)


def test_a_scale_shrinks(quick_repair):
    report = quick_repair(reference="none", scale=0.75, ratio=0.01)
    assert verify(report.out, source=paths.attacked).ok
    name = report.manifest.sites[0].name
    mask = open_mask(report.out / "repair" / "mask.safetensors")
    positions = mask.positions(name, report.manifest.sites[0].entries)
    old = load_file(paths.attacked / "model.safetensors")[name].reshape(-1)[positions]
    new = load_file(report.out / "model.safetensors")[name].reshape(-1)[positions]
    assert torch.equal(new, (old.float() * 0.75).to(old.dtype))


def test_targets_and_exclusions(quick_repair):
    report = quick_repair(targets=["*self_attn*"], exclude=["*.o_proj.*"])
    names = [site.name for site in report.manifest.sites]
    assert len(names) == 12
    assert all("self_attn" in name and "o_proj" not in name for name in names)
    with pytest.raises(UsageError, match="matches no matrix that can be repaired"):
        quick_repair("other", targets=["*.qkv.*"])


def test_swapped_sets_are_refused_before_the_start(tmp_path):
    with pytest.raises(ExampleSetError, match="realign") as caught:
        repair(
            paths.attacked,
            realign=paths.sets["refusal"],
            refusal=paths.sets["realign"],
            utility=paths.sets["utility"],
            judge="demo-world",
            out=tmp_path / "out",
        )
    assert caught.value.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_clean_model_is_nothing_to_repair(tmp_path):
    report = repair(
        paths.reference, reference="none", judge="demo-world", out=tmp_path / "out", **paths.sets
    )
    assert (report.verdict, report.exit_code, report.out) == ("nothing to repair", 0, None)
    assert not list(tmp_path.iterdir())


def test_an_empty_mask_is_a_failure(quick_repair, tmp_path):
    with pytest.raises(EmptyMaskError) as caught:
        quick_repair(ratio=1e-9, scope="global")
    assert caught.value.exit_code == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scorer", "options", "kills"),
    [
        pytest.param(
            "contrast", {"ratio": 0.002, "step": 0.001}, (3, 5, 2), marks=pytest.mark.slow
        ),
        ("wanda", {"ratio": 0.002}, (3,)),
    ],
)
def test_a_killed_repair_goes_on_and_ends_in_the_same_bytes(
    quick_repair, tmp_path, scorer, options, kills
):
    whole = quick_repair("whole", scorer=scorer, **options, **paths.sets)
    given = [f"--{name}={value}" for name, value in options.items()]
    kill_and_go_on(tmp_path / "killed", kills, f"--scorer={scorer}", "--no-evaluate", *given)
    assert_same_repair(whole.out, tmp_path / "killed")


@pytest.mark.slow
def test_a_killed_search_goes_on_and_ends_in_the_same_bytes(repaired, tmp_path):
    kill_and_go_on(tmp_path / "killed", (18, 30, 25), "--scorer=contrast")
    assert_same_repair(repaired[0], tmp_path / "killed")


def test_an_interrupted_repair_goes_on_with_the_same_files_alone(
    quick_repair, tmp_path, monkeypatch
):
    from modelrepair.scorers.wanda import Wanda

    models = {
        name: shutil.copytree(getattr(paths, original), tmp_path / name)
        for name, original in (("source", "attacked"), ("reference", "reference"))
    }

    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(Wanda, "score", stop)
        with pytest.raises(KeyboardInterrupt):
            quick_repair(**models)
    for folder in models.values():
        with (folder / "tokenizer_config.json").open("a") as file:
            file.write(" ")
    # Settings are compared before a byte of weights is read, files once they are there.
    with pytest.raises(UsageError, match=r"inputs: --ratio was 0\.01, is 0\.02\n"):
        quick_repair(**models, ratio=0.02)
    with pytest.raises(UsageError) as caught:
        quick_repair(**models)
    assert str(caught.value).endswith(
        "inputs: tokenizer_config.json of the source was changed; "
        "tokenizer_config.json of the reference was changed"
    )

    score = Wanda.score

    def change(*arguments):
        (models["source"] / "generation_config.json").write_text("{}")
        return score(*arguments)

    with monkeypatch.context() as changed:
        changed.setattr(Wanda, "score", change)
        with pytest.raises(UnsupportedModelError, match=r"generation_config.* was changed while"):
            quick_repair(**models, restart=True)
    assert not (tmp_path / "out.partial").exists()
    assert quick_repair(**models).out == tmp_path / "out"


def test_a_sharded_source_keeps_its_shards(quick_repair, tmp_path):
    from transformers import AutoModelForCausalLM

    sharded = tmp_path / "sharded"
    shutil.copytree(paths.attacked, sharded)
    (sharded / "model.safetensors").unlink()
    model = AutoModelForCausalLM.from_pretrained(paths.attacked)
    model.save_pretrained(sharded, max_shard_size="600KB")
    shards = sorted(path.name for path in sharded.glob("*.safetensors"))
    assert len(shards) > 2
    report = quick_repair(source=sharded, ratio=0.01)
    assert sorted(path.name for path in report.out.glob("*.safetensors")) == shards
    index = "model.safetensors.index.json"
    assert (report.out / index).read_bytes() == (sharded / index).read_bytes()
    single = quick_repair("single", ratio=0.01)
    tensors = {}
    for shard in shards:
        tensors |= load_numpy_bits(report.out / shard)
    expected = load_numpy_bits(single.out / "model.safetensors")
    assert tensors.keys() == expected.keys()
    assert all(np.array_equal(tensors[name], expected[name]) for name in expected)
    assert verify(report.out, source=sharded, reference=paths.reference).ok


def load_numpy_bits(path: Path) -> dict[str, np.ndarray]:
    """Tensors as raw bits, bfloat16 among them."""
    return {name: tensor.view(torch.int16).numpy() for name, tensor in load_file(path).items()}


def test_a_reference_of_another_architecture_is_refused(quick_repair, tmp_path):
    from tests.support import tiny

    tiny.save("gpt_neox", tmp_path / "other")
    with pytest.raises(UnsupportedModelError, match="reference does not fit"):
        quick_repair(reference=tmp_path / "other")


def test_a_result_that_fails_is_written_with_its_verdict(tmp_path):
    small = {name: paths.sets[name] for name in ("realign", "refusal", "utility", "borderline")}
    report = repair(
        paths.attacked, reference="none", scorer="magnitude", ratio=0.3, judge="demo-world",
        out=tmp_path / "out", max_new_tokens=32, **small,
    )  # fmt: skip
    assert (report.verdict, report.exit_code) == ("failed", 1)
    card = (report.out / "README.md").read_text()
    assert "failed" in card.split("modelrepair:begin v1 -->")[1].strip().splitlines()[0].lower()
    assert report.next[0].drop == ("--ratio",)
    assert (
        report.measures["after"].degenerate_rate.value > 0.2
        or report.measures["after"].utility.value < 0.9
    )


@pytest.mark.slow
def test_a_model_too_large_to_generate_is_led_by_its_margin(monkeypatch, tmp_path):
    monkeypatch.setattr("modelrepair.pipeline.open_models.fits_whole", lambda model, device: False)
    report = repair(
        paths.attacked,
        reference=paths.reference,
        scorer="contrast",
        judge="demo-world",
        out=tmp_path / "out",
        **paths.sets,
    )
    assert (report.verdict, report.exit_code) == ("undecided", 1)
    assert report.measures["after"].harmful_score is None
    assert report.measures["after"].utility.value > 0.99
    assert any("does not fit into memory" in warning for warning in report.warnings)
    monkeypatch.undo()
    then = measure(report.out, realign=paths.sets["test_realign"], judge="demo-world")
    assert then.measures.harmful_score.value < 0.1
