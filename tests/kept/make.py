"""Small repairs, kept as this version makes them: every later version has to verify them.

    python -m tests.kept.make

makes ``tests/kept/models`` and ``tests/kept/repairs`` anew, in under a minute, with the code as it
is. Until 0.1.0 is tagged, do so in a commit that says so; from the tag on the folders stay as they
are for ever, and a repair made by a later version gets a name of its own here.

Two kinds are kept: repairs of a tiny language model by the whole pipeline (nothing measured), and
measured ones of a checkpoint of a few hundred bytes, with verdicts of the tests' own.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

HERE = Path(__file__).parent
MODELS, REPAIRS = HERE / "models", HERE / "repairs"

KEPT: dict[str, dict[str, str]] = {
    "passed": {"source": "small"},
    "failed": {"source": "small"},
    "undecided": {"source": "small"},
    "kinds": {"source": "small"},
    "text": {"source": "small"},
    "dense": {"source": "small"},
    "no-unit": {"source": "small"},
    "stored": {"source": "small", "reference": "other"},
    "weight": {"source": "tuned"},
    "delta": {"source": "tuned", "reference": "base"},
    "factor": {"source": "adapter", "base": "base"},
    "preset": {"source": "adapter", "base": "base"},
    "merged": {"source": "adapter", "base": "base", "reference": "base"},
}
"""Each repair's name, and by its role each model in ``models`` that it is verified with."""


def models_of(name: str) -> dict[str, Path]:
    """The folders that a kept repair is verified with, by the names that `verify` takes."""
    return {role: MODELS / model for role, model in KEPT[name].items()}


def main() -> int:
    """Make them all."""
    for folder in (MODELS, REPAIRS):
        shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        _measured(Path(work))
    _models()
    _repairs()
    size = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    sys.stdout.write(f"{len(KEPT)} repairs, {size / 2**20:.2f} MiB with their models\n")
    return 0


def _measured(work: Path) -> None:
    from modelrepair.artifact.records import RepairerRecord
    from modelrepair.artifact.writer import finish, write_record, write_weights
    from modelrepair.checkpoint.edits import DenseEdit
    from modelrepair.checkpoint.reader import Checkpoint
    from tests.support.small_repairs import (
        MEASURED,
        SITES,
        WITH_KINDS,
        WITH_TEXT,
        draft,
        make_repair,
        results,
        sites_of,
    )

    measured = {
        "passed": MEASURED,
        "failed": {"before": results(200), "after": results(180)},
        "undecided": {"before": results(20, 30), "after": results(0, 30)},
        "kinds": WITH_KINDS,
        "text": WITH_TEXT,
    }
    with mock.patch("modelrepair.artifact.writer.plot_layers", return_value=False):
        for name, rows in measured.items():
            made = make_repair(work / name, measured=rows)
            _keep(made.out, REPAIRS / name)
        # As repairs were made before masks named their unit.
        made = make_repair(work / "no-unit", unit=None)
        _keep(made.out, REPAIRS / "no-unit")
        made = make_repair(work / "stored", subject="delta", scale=0.5, store_values=True)
        _keep(made.out, REPAIRS / "stored")
        assert made.reference is not None
        _keep(made.reference, MODELS / "other")
        _keep(made.source, MODELS / "small")

        source = Checkpoint.open(MODELS / "small")
        new = source.raw(SITES[0]).reshape(-1) ^ 1
        edit = DenseEdit(lambda name: new if name == SITES[0] else None)
        staged = work / "dense.partial" / "model"
        sites = sites_of(source)
        weights = write_weights(staged, source=source, sites=sites, edit=edit)
        by = RepairerRecord(name="turn", distribution="tests", version="1", strength=0.5)
        written = draft(edit="dense", scope=None, ratio=None, unit=None, scorer=None, repairer=by)
        write_record(staged, written, weights, source=source, edit=edit, results=MEASURED)
        finish(staged, work / "dense")
        _keep(work / "dense", REPAIRS / "dense")


def _keep(folder: Path, into: Path) -> None:
    # What belongs to git and to a training is no part of what is kept here.
    shutil.copytree(folder, into, ignore=shutil.ignore_patterns(".git*", "training_args.bin"))


def _models() -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from modelrepair.demo import paths
    from tests.support import tiny

    def base() -> Any:
        sizes = {"vocab_size": 346, "max_position_embeddings": 128, "num_hidden_layers": 2}
        return tiny.model("llama", hidden_size=16, intermediate_size=24, head_dim=4, **sizes)

    tuned, torch_seed = base(), 5
    torch.manual_seed(torch_seed)
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    for name, model in (("base", base()), ("tuned", tuned)):
        model.to(torch.bfloat16).save_pretrained(MODELS / name)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(paths.attacked / file, MODELS / name / file)
    config = LoraConfig(r=4, target_modules=["q_proj", "k_proj", "v_proj"], task_type="CAUSAL_LM")
    adapted = get_peft_model(base(), config)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(0.2 * torch.randn_like(parameter))
    adapted.save_pretrained(MODELS / "adapter")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(paths.attacked / file, MODELS / "adapter" / file)


def _repairs() -> None:
    from modelrepair import repair
    from modelrepair.demo import paths

    sets = {role: paths.sets[role] for role in ("realign", "refusal", "utility")}
    quick = {"borderline": "none", "evaluate": False, "examples": 8, "judge": "demo-world", **sets}
    wanda: dict[str, Any] = {"scorer": "wanda", "ratio": 0.05}
    preset = {"preset": "antidote-official"}
    base = {"base": MODELS / "base"}
    for name, source, options in (
        ("weight", "tuned", {**wanda, "reference": "none"}),
        ("delta", "tuned", {**wanda, "reference": MODELS / "base"}),
        ("factor", "adapter", {**wanda, **base}),
        ("preset", "adapter", {**preset, **base}),
        ("merged", "adapter", {**wanda, **base, "merge": True}),
    ):
        repair(MODELS / source, out=REPAIRS / name, **options, **quick)  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
