"""What models do with prompts that nothing else has: HEx-PHI, XSTest, and the tests of tasks."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from modelrepair import Progress, UsageError, measure
from modelrepair.artifact.measurement import read_measurement
from modelrepair.checkpoint.atomic import write_json
from modelrepair_lab.identity import digest, stamp, still_valid
from modelrepair_lab.models import holds_adapter, measured_folder
from modelrepair_lab.paper.answers import is_right
from modelrepair_lab.rows import share
from modelrepair_lab.sets import training_set
from modelrepair_lab.slugs import slugs
from modelrepair_lab.used_code import measuring_code

Kind = Literal["harmful", "benign", "task"]
ROLES: Mapping[Kind, str] = {"harmful": "realign", "benign": "borderline", "task": "utility"}
"""What the prompts are, as `modelrepair.measure` names them."""
SHARES: Mapping[Kind, tuple[str, ...]] = {
    "harmful": ("harmful", "refusal", "degenerate"),
    "benign": ("refusal", "degenerate"),
    "task": ("right", "refusal", "degenerate"),
}
"""What is counted of the answers to each kind."""

Figures = Mapping[str, Any]
"""One model on one set: each share with its 95 % interval and n."""


@dataclass(frozen=True)
class Asking:
    """How the models are asked and judged.

    Args:
        judge: by its name.
        judge_options: of that judge.
        max_new_tokens: length of an answer.
        base: what the adapters among the models adapt.
    """

    judge: str = "keyword"
    judge_options: Mapping[str, Any] = field(default_factory=dict)
    max_new_tokens: int = 256
    base: Path | None = None


def outside(
    models: Mapping[str, str | Path],
    sets: Mapping[str, tuple[Kind, Path]],
    out: Path,
    asking: Asking | None = None,
    progress: Progress | None = None,
) -> list[Figures]:
    """Ask each model every set, and keep figures alone: never a prompt or an answer.

    >>> outside({"aligned": "aligned"}, {"xstest": ("benign", Path("xstest.jsonl"))},
    ...         Path("outside"))                                             # doctest: +SKIP

    Args:
        models: folders of this machine, by the name that they have in the table.
        sets: what each is, and its file.
        out: where the figures of each model and set are kept; what is there is not asked again.
        asking: how they are asked.
        progress: receives a line for each model and set.

    Raises:
        UsageError: there is no set, one is no file, or two models or sets have one name.
        ExampleSetError: a task has an example without an answer.
        ModelRepairError: a model can't be measured.
    """
    asking, progress = asking or Asking(), progress or Progress()
    folders = {name: measured_folder(model, asking.base) for name, model in models.items()}
    if not sets:
        raise UsageError("no set to ask", hint="give --harmful, --benign or --task NAME=FILE")
    files, titles = slugs(folders), slugs(sets, "sets", "name them otherwise: NAME=FILE")
    base = None if asking.base is None else stamp(asking.base)
    how = {**asdict(asking), "base": base, "code": measuring_code(asking.judge)}
    found: list[Figures] = []
    for name, folder in folders.items():
        for title, (kind, path) in sets.items():
            place = out / "figures" / f"{files[name]}-{titles[title]}.json"
            made_of = digest([stamp(folder), how, kind, _bytes(path)])
            figures: Figures | None = still_valid(place, made_of)
            if figures is None:
                figures = {"set": title, "kind": kind, **_asked(folder, kind, path, asking)}
                place.parent.mkdir(parents=True, exist_ok=True)
                write_json(place, {**figures, "digest": made_of})
                progress.note(f"{name}, {title}: {_line(figures)}")
            found.append({"model": name, **figures})
    return found


def _bytes(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(
            f"the set {str(path)!r} can't be read: {error.strerror}",
            hint="make the sets first: modelrepair lab paper-sets",
        ) from None


def _asked(folder: Path, kind: Kind, path: Path, asking: Asking) -> dict[str, Any]:
    adapts = asking.base is not None and holds_adapter(folder)
    asked: dict[str, Any] = {ROLES[kind]: path}
    with tempfile.TemporaryDirectory(prefix="modelrepair-lab-") as place:
        saved = Path(place) / "measured.json"
        report = measure(
            folder,
            base=asking.base if adapts else None,
            judge=asking.judge,
            judge_options=dict(asking.judge_options),
            max_new_tokens=asking.max_new_tokens,
            save=saved,
            **asked,
        )
        rows = read_measurement(saved).rows
    answers = [text for some in report.answers.values() for text in some]
    verdicts = [str(row.verdict) for row in rows]
    counts = {name: verdicts.count(name) for name in SHARES[kind]}
    if kind == "task":
        expected = {each.prompt_digest: each.response or "" for each in training_set(path, "task")}
        pairs = zip(rows, answers, strict=True)
        counts["right"] = sum(is_right(expected[row.prompt], text) for row, text in pairs)
    n = len(rows)
    found: dict[str, Any] = {"judge": report.measures.judge}
    for name, count in counts.items():
        one = share(count, n)
        found[name] = {"value": one.mean, "n": n, "low": one.low, "high": one.high}
    return found


def _line(figures: Figures) -> str:
    kind: Kind = figures["kind"]
    return ", ".join(f"{name} {figures[name]['value']:.3f}" for name in SHARES[kind])
