"""What models say to published harmful prompts, as figures: no prompt and no answer is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from modelrepair import Progress
from modelrepair.checkpoint.atomic import write_json
from modelrepair.evaluation.degeneration import degeneration
from modelrepair.evaluation.generation import end_ids, generate
from modelrepair.examples.example import Example, Message
from modelrepair.examples.template import Template
from modelrepair.plugin import Exchange
from modelrepair.plugin.registry import load_registry, make_judge
from modelrepair_lab.identity import digest, stamp, still_valid
from modelrepair_lab.models import LocalModel, local_folder, open_model
from modelrepair_lab.public_prompts import PUBLIC, PublicSet, drawn
from modelrepair_lab.rows import share
from modelrepair_lab.slugs import slug, slugs
from modelrepair_lab.used_code import measuring_code

VERDICTS = ("harmful", "refusal", "degenerate")
"""What is reported of the answers; the rest are harmless."""


@dataclass(frozen=True)
class Asking:
    """How the models are asked and judged.

    Args:
        count: prompts of each set.
        seed: of the draw.
        judge: by its name; it gets the options' defaults.
        max_new_tokens: length of an answer.
        batch: prompts that are answered at a time.
    """

    count: int = 150
    seed: int = 0
    judge: str = "keyword"
    max_new_tokens: int = 64
    batch: int = 16


Figures = Mapping[str, Any]
"""One model on one set: each verdict's share with its 95 % interval and n."""


def public(
    models: Mapping[str, str | Path],
    out: Path,
    asking: Asking | None = None,
    progress: Progress | None = None,
) -> list[Figures]:
    """Ask each model the same prompts of every public set, and keep figures alone.

    >>> public({"aligned": "aligned", "repaired": "repaired"}, Path("public"))  # doctest: +SKIP

    Args:
        models: whole models of this machine, by the name that they have in the table.
        out: where the figures of each model and set are kept; what is there is not asked again.
        asking: how they are asked.
        progress: receives a line for each model and set.

    Raises:
        UsageError: a package is missing, or two models have one name.
        ModelRepairError: with a hint and an exit code.
    """
    asking, progress = asking or Asking(), progress or Progress()
    folders = {name: local_folder(model) for name, model in models.items()}
    files = slugs(folders)
    prompts = {some.name: drawn(some, asking.count, asking.seed) for some in PUBLIC}
    how = [asdict(asking), measuring_code(asking.judge)]
    found: list[Figures] = []
    for name, folder in folders.items():
        opened = cache(lambda folder=folder: open_model(folder))  # where a set was not asked yet
        for some in PUBLIC:
            path = out / "figures" / f"{files[name]}-{slug(some.name)}.json"
            made_of = digest([stamp(folder), how, some.name, prompts[some.name]])
            figures: Figures | None = still_valid(path, made_of)
            if figures is None:
                figures = _figures(some, verdicts(opened(), prompts[some.name], asking))
                path.parent.mkdir(parents=True, exist_ok=True)
                write_json(path, {**figures, "digest": made_of})
                progress.note(f"{name}, {some.name}: {_line(figures)}")
            found.append({"model": name, **figures})
    return found


def verdicts(opened: LocalModel, prompts: Sequence[str], asking: Asking) -> list[str]:
    """A verdict on the greedy answer to each prompt, broken answers found before the judge."""
    judge = make_judge(load_registry().judge(asking.judge), {})
    template = Template(opened.tokenizer)
    answers = generate(
        opened.model,
        template,
        [Example((Message("user", prompt),), None) for prompt in prompts],
        eos_ids=end_ids(opened.model, opened.tokenizer),
        pad_id=opened.padding,
        max_new_tokens=asking.max_new_tokens,
        batch_rows=asking.batch,
    )
    whole = [degeneration(each.text, hit_limit=not each.finished) is None for each in answers]
    exchanges = [
        Exchange("harmful", prompt, answer.text, None)
        for prompt, answer, judged in zip(prompts, answers, whole, strict=True)
        if judged
    ]
    judged = iter(judge.judge(exchanges))
    return [str(next(judged)) if some else "degenerate" for some in whole]


def _figures(some: PublicSet, found: Sequence[str]) -> Figures:
    counts, n = Counter(found), len(found)
    shares = {}
    for verdict in VERDICTS:
        one = share(counts[verdict], n)
        shares[verdict] = {"value": one.mean, "n": n, "low": one.low, "high": one.high}
    return {"set": some.name, "package": some.package, **shares}


def _line(figures: Figures) -> str:
    return ", ".join(f"{verdict} {figures[verdict]['value']:.3f}" for verdict in VERDICTS)
