"""Models asked the kinds that were kept aside, by modelrepair's own measuring."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from modelrepair import Progress, measure
from modelrepair.artifact.measurement import read_measurement
from modelrepair.checkpoint.atomic import write_bytes, write_json
from modelrepair_lab.identity import digest, stamp, still_valid
from modelrepair_lab.kept_aside.asked import SIZE, Asked
from modelrepair_lab.kept_aside.groups import Group, prompts
from modelrepair_lab.models import holds_adapter, measured_folder
from modelrepair_lab.slugs import slugs
from modelrepair_lab.used_code import measuring_code


@dataclass(frozen=True)
class Answered:
    """What became of one prompt.

    Args:
        kind: of the prompt.
        prompt: its digest.
        verdict: refusal, degenerate, harmless or harmful.
        right: whether the answer holds what it must; None where nothing says what that is.
    """

    kind: str
    prompt: str
    verdict: str
    right: bool | None

    @property
    def lost(self) -> bool:
        """Whether it is refused or broken."""
        return self.verdict in ("refusal", "degenerate")


@dataclass(frozen=True)
class AskedHow:
    """How models are asked: the same for each.

    Args:
        group: which kinds.
        world: the seed of the made-up world whose models they are; None for the real world's.
        judge: who says what a refusal is.
        limit: prompts of a kind.
        max_new_tokens: length of an answer.
        base: what the adapters among the models adapt.
    """

    group: Group
    world: int | None = None
    judge: str = "keyword"
    limit: int = SIZE
    max_new_tokens: int = 64
    base: Path | None = None

    @property
    def prompts(self) -> dict[str, list[Asked]]:
        """By kind."""
        return prompts(self.group, self.world, self.limit)


def ask(
    models: Mapping[str, str | Path], how: AskedHow, out: Path, progress: Progress | None = None
) -> dict[str, list[Answered]]:
    """Ask each model all prompts of a group, and keep what became of them, never an answer.

    >>> ask({"aligned": "aligned", "repaired": "repaired"}, AskedHow("develop"),
    ...     Path("kinds"))                                                   # doctest: +SKIP

    Args:
        models: folders of this machine, by the name that they have in the table.
        how: which prompts, and how their answers are judged.
        out: where a record of each model is kept; a model that has one is not asked again.
        progress: receives a line for each model.

    Raises:
        UsageError: two models have one name, or one is no model of this machine.
        ModelRepairError: one can't be measured.
    """
    progress = progress or Progress()
    folders = {name: measured_folder(model, how.base) for name, model in models.items()}
    files = slugs(folders)
    place = out / "asked" / (how.group if how.world is None else f"{how.group}-world-{how.world}")
    place.mkdir(parents=True, exist_ok=True)
    asked = [one.example(kind).digest for kind, some in how.prompts.items() for one in some]
    found = {}
    for name, folder in folders.items():
        path = place / f"{files[name]}.json"
        base = None if how.base is None else stamp(how.base)
        code = measuring_code(how.judge)
        mark = digest([stamp(folder), base, asked, how.judge, how.max_new_tokens, code])
        kept = still_valid(path, mark)
        if kept is None:
            known = _asked(folder, how)
            write_json(path, {"digest": mark, "rows": [asdict(each) for each in known]})
        else:
            known = [Answered(**row) for row in kept["rows"]]
        lost = sum(each.lost for each in known)
        progress.note(f"{name}: {lost} of {len(known)} refused or degenerate")
        found[name] = known
    return found


def _asked(folder: Path, how: AskedHow) -> list[Answered]:
    by_digest = {
        example.prompt_digest: (kind, one, example)
        for kind, some in how.prompts.items()
        for one in some
        for example in [one.example(kind)]
    }
    rows = [
        {"messages": [asdict(turn) for turn in example.messages], "kind": kind}
        for kind, _, example in by_digest.values()
    ]
    adapts = how.base is not None and holds_adapter(folder)
    with tempfile.TemporaryDirectory(prefix="modelrepair-lab-") as place:
        asked, saved = Path(place) / "kept-aside.jsonl", Path(place) / "measured.json"
        write_bytes(asked, "".join(f"{json.dumps(row)}\n" for row in rows).encode())
        report = measure(
            folder, base=how.base if adapts else None, utility=asked, judge=how.judge,
            max_new_tokens=how.max_new_tokens, save=saved,
        )  # fmt: skip
        measured = read_measurement(saved).rows
    answers: Sequence[str] = report.answers["utility"]
    found = {row.prompt: (row.verdict, text) for row, text in zip(measured, answers, strict=True)}
    return [
        Answered(kind, prompt, found[prompt][0], one.is_right(found[prompt][1]))
        for prompt, (kind, one, _) in by_digest.items()
    ]
