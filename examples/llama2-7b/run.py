"""Run the paper's protocol on a model: each stage by its name, or all of them.

Every stage resumes: what is there is not made again. `accelerate launch run.py SETTINGS models`
trains on all GPUs of the machine; every other stage uses one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelrepair import Event, ModelRepairError, Progress
from modelrepair_lab.attacked import planned
from modelrepair_lab.crossing import quick_form
from modelrepair_lab.grid import Grid, Part, grid_of
from modelrepair_lab.making import make_models
from modelrepair_lab.paper.outside import Asking, Kind, outside
from modelrepair_lab.paper.page import page
from modelrepair_lab.paper.sets import Sizes, Sources, make_sets
from modelrepair_lab.runner import Running
from modelrepair_lab.slugs import slug
from modelrepair_lab.table import make_table

HERE = Path(__file__).resolve().parent
STAGES = ("sets", "base", "models", "repair", "outside")
NEEDED = ("*.json", "*.safetensors", "tokenizer*", "LICENSE*", "USE_POLICY*")
Settings = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("settings", type=Path, help="of a model, such as llama2-7b.toml")
    parser.add_argument("stage", choices=[*STAGES, "all"], help="what to run")
    parser.add_argument("--out", type=Path, default=Path("made"), help="default: %(default)s")
    parser.add_argument("--task", action="append", help="of the settings' tasks; default: all")
    parser.add_argument("--whole", action="store_true", help="all five learning rates; else one")
    parser.add_argument("--attack", action="append", default=[], help="run this row alone")
    parser.add_argument("--repair", action="append", default=[], help="run this repair alone")
    parser.add_argument("--retry", action="store_true", help="run cells again that failed")
    asked = parser.parse_args(arguments)
    settings = tomllib.loads(asked.settings.read_text(encoding="utf-8"))
    if asked.stage != "models" and "TORCHELASTIC_RUN_ID" in os.environ:
        parser.error("only models are made by several processes")
    first = os.environ.get("RANK", "0") == "0"
    progress = Progress(_said if first else _silent)
    try:
        for stage in STAGES if asked.stage == "all" else [asked.stage]:
            run(stage, settings, asked, progress)
    except ModelRepairError as error:
        print(f"{asked.stage}: {error}\n{error.hint}", file=sys.stderr)
        return error.exit_code
    return 0


def run(stage: str, settings: Settings, asked: argparse.Namespace, progress: Progress) -> None:
    """Run one stage."""
    out = asked.out / asked.settings.stem
    if stage == "sets":
        sets(settings, asked.out / "sets", progress)
        return
    if stage == "base":
        base(settings, out / "base", progress)
        return
    for task in asked.task or settings["tasks"]:
        grid = grid_for(settings, task, asked.out, out, whole=asked.whole)
        place = out / task
        share_alignments(out, place)
        part = Part(attacks=tuple(asked.attack), repairs=tuple(asked.repair))
        if stage == "models":
            make_models(part.of(grid), place, progress)
        elif stage == "repair":
            running = Running(place, jobs=1, keep=True, retry=asked.retry)
            make_table(grid, running, progress, part)
            progress.note(f"Written to {place / grid.name}.md")
        else:
            ask_outside(settings, part.of(grid), asked.out / "sets", place, progress)


def sets(settings: Settings, out: Path, progress: Progress) -> None:
    """Make the sets, where they are not there."""
    if out.exists():
        return
    given = dict(settings.get("sets", {}))
    places = {name: str(place) for name, place in given.get("places", {}).items()}
    refusals = given.get("refusals")
    sources = Sources(places, Path(refusals) if refusals else None, tuple(settings["tasks"]))
    record = make_sets(out, sources, Sizes(**given.get("sizes", {})))
    for name, count in record["counts"].items():
        progress.note(f"{name}: {count}")


def base(settings: Settings, out: Path, progress: Progress) -> None:
    """The model before alignment, with the settings' chat template in place of its own."""
    if out.exists():
        return
    from huggingface_hub import snapshot_download

    partial = out.with_name(f"{out.name}.partial")
    model = settings["model"]
    progress.note(f"Fetching {model}")
    if Path(model).is_dir():
        shutil.copytree(model, partial, dirs_exist_ok=True)
    else:
        snapshot_download(
            model, revision=settings.get("revision"), local_dir=partial, allow_patterns=[*NEEDED]
        )
        shutil.rmtree(partial / ".cache", ignore_errors=True)
    if "template" in settings:
        shutil.copyfile(HERE / settings["template"], partial / "chat_template.jinja")
        config = partial / "tokenizer_config.json"
        said = json.loads(config.read_text(encoding="utf-8"))
        said.pop("chat_template", None)
        config.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    partial.rename(out)


def share_alignments(out: Path, place: Path) -> None:
    """Let the tables of all tasks start from the same aligned models."""
    place.mkdir(parents=True, exist_ok=True)
    (out / "aligned").mkdir(exist_ok=True)
    if not (place / "aligned").exists():
        (place / "aligned").symlink_to(Path("..") / "aligned", target_is_directory=True)


def grid_for(settings: Settings, task: str, made: Path, out: Path, *, whole: bool = False) -> Grid:
    """The grid of a task: grid.toml with the model, sets and judge of the settings."""
    document = tomllib.loads((HERE / "grid.toml").read_text(encoding="utf-8"))
    document["measure"] |= {
        **settings["measure"],
        "realign": f"{made}/sets/sets/realign.jsonl",
        "refusal": f"{made}/sets/sets/refusal.jsonl",
        "utility": f"{made}/sets/sets/utility-{task}.jsonl",
        "test_realign": f"{made}/sets/sets/test-realign.jsonl",
        "test_utility": f"{made}/sets/sets/test-utility-{task}.jsonl",
    }
    document["model"] = {
        "unaligned": str(out / "base"),
        "refusal": f"{made}/sets/train/safe.jsonl",
        # No alignment of the grid draws from it: the same for all tasks, which share alignments.
        "utility": f"{made}/sets/sets/utility-{settings['tasks'][0]}.jsonl",
        "harmful": f"{made}/sets/train/harmful.jsonl",
        "task": f"{made}/sets/train/{task}.jsonl",
    }
    for table in ("shared", "columns"):
        document[table] |= settings.get(table, {})
    document["align"] = [{**row, **settings.get("align", {})} for row in document["align"]]
    grid = grid_of(document if whole else quick_form(document), Path())
    return replace(grid, name=task if whole else f"{task}-quick")


def ask_outside(
    settings: Settings, grid: Grid, sets: Path, place: Path, progress: Progress
) -> None:
    """Ask every model of a table HEx-PHI and XSTest, and write the page."""
    measure = {**settings["measure"]}
    kinds: dict[str, tuple[Kind, Path]] = {}
    for name, kind in (("hex-phi", "harmful"), ("xstest", "benign")):
        if (sets / f"outside/{name}.jsonl").exists():
            kinds[name] = (kind, sets / f"outside/{name}.jsonl")  # type: ignore[assignment]
    asking = Asking(
        judge=measure.get("judge", "classifier"),
        judge_options=measure.get("judge_options", {}),
        max_new_tokens=measure.get("max_new_tokens", 256),
    )
    found = []
    aligned: set[Path] = set()
    for row, seed in grid.attacked():
        attacked = planned(grid, row, seed, place)
        reference, models = attacked.ground.reference, {}
        if reference not in aligned:
            models[f"aligned: {reference.name}"] = reference
            aligned.add(reference)
        models[attacked.folder.name] = attacked.folder
        for repair in grid.repairs:
            stem = f"{attacked.folder.name}--{slug(repair.name)}"
            models[stem] = place / "repaired" / stem
        there = {name: folder for name, folder in models.items() if folder.exists()}
        base = reference if reference.exists() else None
        found += outside(there, kinds, place / "outside", replace(asking, base=base), progress)
    if found:
        (place / "outside.md").write_text(page(found, asking), encoding="utf-8")
        progress.note(f"Written to {place / 'outside.md'}")


def _said(event: Event) -> None:
    if event.text is not None:
        print(event.text, file=sys.stderr, flush=True)


def _silent(event: Event) -> None:
    pass


if __name__ == "__main__":
    raise SystemExit(main())
