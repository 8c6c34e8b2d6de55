"""How long a repair lasts: harmful fine-tuning again, with more and more examples."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelrepair import ExampleSetError, Progress, measure
from modelrepair.checkpoint.atomic import write_json
from modelrepair.examples.example import Example
from modelrepair_lab.attack import fine_tune
from modelrepair_lab.identity import digest, stamp, still_valid
from modelrepair_lab.margins import margins
from modelrepair_lab.models import deterministic, local_folder, open_model
from modelrepair_lab.recipes import AttackRecipe, as_record, numbers_of
from modelrepair_lab.saving import mark, whole
from modelrepair_lab.sets import compose, examples_of, training_set
from modelrepair_lab.slugs import slugs
from modelrepair_lab.used_code import measuring_code

COUNTS = (0, 1, 2, 5, 10, 20, 50, 100)
MEASURED = (
    "harmful_score",
    "refusal_rate",
    "degenerate_rate",
    "utility",
    "benign_refusal_rate",
    "margin",
    "harmful_loss",
)
"""Figures of a point; the last four of the unchanged model alone, and with their sets alone."""
BENIGN = ("utility", "borderline")
"""Sets that only the unchanged model is measured on."""


@dataclass(frozen=True)
class Again:
    """The harmful fine-tuning that follows a repair; the same for every model and count.

    Args:
        counts: how many harmful examples; 0 is the unchanged model. Larger sets hold the smaller.
        seeds: each is another choice of examples, in another order.
        epochs: how often each example is seen.
        batch: examples of a batch; fewer where there are fewer.
        rate: learning rate of AdamW.
    """

    counts: tuple[int, ...] = COUNTS
    seeds: tuple[int, ...] = (0, 1)
    epochs: float = 5.0
    batch: int = 8
    rate: float = 1e-4

    def recipe(self, count: int, seed: int) -> AttackRecipe:
        """The attack with so many examples.

        >>> Again(epochs=5, batch=8).recipe(2, seed=0).steps, Again().recipe(16, seed=0).steps
        (5, 10)
        """
        batch = min(self.batch, count)
        numbers = {"examples": count, "epochs": self.epochs, "batch": batch, "rate": self.rate}
        return AttackRecipe(share=1.0, replay=0.0, seed=seed, **numbers)  # type: ignore[arg-type]


Lasting = Mapping[str, Any]
"""One point: model, seed, count, and the measures after that fine-tuning."""


def durability(
    models: Mapping[str, str | Path],
    out: Path,
    *,
    harmful: str | Path,
    measuring: Mapping[str, Any],
    refusal: str | Path | None = None,
    again: Again | None = None,
    progress: Progress | None = None,
) -> list[Lasting]:
    """Fine-tune each model again with more and more harmful examples, and measure it each time.

    >>> durability({"aligned": "aligned", "repaired": "repaired"}, Path("lasting"),
    ...            harmful="harmful.jsonl",
    ...            measuring={"realign": "test.jsonl"})                      # doctest: +SKIP

    Args:
        models: whole models of this machine, by the name that they have in the table.
        out: where a record of each point is kept; a point that has one is not made again.
        harmful: harmful prompts with harmful answers, to fine-tune on.
        measuring: arguments of `modelrepair.measure`: realign, judge …; the unchanged models are
            measured on ``utility`` and ``borderline``, too, where these are given.
        refusal: the prompts of ``realign`` with refusals, for the unchanged models' margins.
        again: the settings of the fine-tuning.
        progress: receives a line for each point.

    Raises:
        ExampleSetError: a prompt to fine-tune on is one to measure on.
        ModelRepairError: with a hint and an exit code.
    """
    again, progress = again or Again(), progress or Progress()
    folders = {name: local_folder(model) for name, model in models.items()}
    files = slugs(folders)
    pool = {"harmful": training_set(harmful, "harmful")}
    points: list[Lasting] = []
    for seed in again.seeds:
        chosen = compose(pool, {"harmful": max(again.counts)}, seed)
        _check_apart(chosen, measuring["realign"])
        for name, folder in folders.items():
            for count in sorted(again.counts):
                path = (
                    out / "points" / f"{files[name]}-{seed if count else 'as-it-is'}-{count}.json"
                )
                recipe = again.recipe(count, seed) if count else None
                task = Task(folder, recipe, chosen[:count], measuring, refusal)
                found = still_valid(path, task.digest)
                if found is None:
                    found = _measured(task)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_json(path, {**found, "digest": task.digest})
                    harm = found["harmful_score"]["value"]
                    progress.note(f"{name}, seed {seed}, {count} examples: harm {harm:.3f}")
                points.append({"model": name, "seed": seed, "count": count, **found})
    return points


def _check_apart(learnt: Sequence[Example], measured: Any) -> None:
    """Refuse to measure on what is learnt: every model would seem to break at once."""
    if not Path(str(measured)).is_file():
        return
    asked = {each.key for each in examples_of(measured, "realign")}
    both = sum(each.key in asked for each in learnt)
    if both:
        raise ExampleSetError(
            f"{both} prompts of --harmful are prompts of --realign, too",
            hint="measure on other prompts than those that are learnt",
        )


@dataclass(frozen=True)
class Task:
    """One point: which model, fine-tuned how (None: not at all) and on what, and its measures."""

    folder: Path
    recipe: AttackRecipe | None
    examples: Sequence[Example]
    measuring: Mapping[str, Any]
    refusal: str | Path | None

    @property
    def asked(self) -> Mapping[str, Any]:
        """What is measured: of a model that was fine-tuned again, harm alone."""
        if self.recipe is None:
            return self.measuring
        return {name: value for name, value in self.measuring.items() if name not in BENIGN}

    @property
    def digest(self) -> str:
        """The digest of all that a point depends on: one of another digest is made again."""
        recipe = numbers_of(self.recipe) if self.recipe else None
        examples = [each.digest for each in self.examples]
        margin = self.refusal if self.recipe is None else None
        code = measuring_code(str(self.asked.get("judge", "keyword")))
        return digest([stamp(self.folder), recipe, self.asked, examples, margin, MEASURED, code])


def _measured(task: Task) -> dict[str, Any]:
    """The measures of a model after the fine-tuning, or of the unchanged model."""
    if task.recipe is None:
        return _values(measure(task.folder, **task.asked).measures.to_json() | _margins(task))
    with tempfile.TemporaryDirectory(prefix="modelrepair-lab-") as place:
        with whole(Path(place) / "again") as tuned, deterministic(task.recipe.seed):
            fine_tune(open_model(task.folder), task.examples, task.recipe, tuned, Progress())
            mark(tuned, "A model that was broken again on purpose.", as_record(task.recipe))
        return _values(measure(Path(place) / "again", **task.asked).measures.to_json())


def _margins(task: Task) -> dict[str, Any]:
    if task.refusal is None:
        return {}
    harmful = training_set(task.asked["realign"], "harmful")
    return margins(open_model(task.folder), harmful, training_set(task.refusal, "refusal"))


def _values(measures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: measures.get(name) for name in MEASURED}
