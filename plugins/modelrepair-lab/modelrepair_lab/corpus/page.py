"""The judged audits as a page for people, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

from modelrepair_lab.corpus.figures import balanced, confusion, counted, of_group, separation
from modelrepair_lab.corpus.judging import ERROR, LEFT_OUT, STAGES, Judged
from modelrepair_lab.corpus.kinds import KINDS, NOTHING, READINGS
from modelrepair_lab.corpus.plan import MODEL_WORLDS, Part, Recipe
from modelrepair_lab.corpus.plan import RECIPES as OF_WORLDS
from modelrepair_lab.corpus.real import RECIPES as OF_MODEL
from modelrepair_lab.markdown import table
from modelrepair_lab.rows import Spread

COLUMNS = ("name", "kind", "world", "known", "called", "score", "alarms", "found", "inconclusive")
ALONE = "the lab's worlds"
UNRECOGNISED = """\
By design. The first three are in no figure above:

- Merges by TIES or DARE read as fine-tuned: they are no weighted sum of their parents.
- Units in another order read as unrelated, as the weights no longer stand entry by entry.
- An adapter of a rank above 32 in a large model reads as fine-tuned by samples; `--deep` counts ranks up to 64.
- Training that moves most weights by less than rounding reads as fine-tuned; its rank is inconclusive.
- Whether a fine-tune is harmful: `harmful-full` and `harmful-lora` must be called what `benign-full` and
  `benign-lora` are called. Weights do not tell the two apart; measured answers do."""  # noqa: E501


def as_csv(judged: Iterable[Judged]) -> str:
    """One row a model.

    >>> as_csv([]).strip()
    'name,kind,world,known,called,score,alarms,found,inconclusive'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in judged:
        lists = (" ".join(some) for some in (each.alarms, each.found, each.inconclusive))
        known = each.answer.reading
        writer.writerow(
            [each.name, each.kind, each.world, known, each.reading, f"{each.score:.3g}", *lists]
        )
    return text.getvalue()


def page(judged: Sequence[Judged], part: Part, model: str = "", behaviour: str = "") -> str:
    """The tables of one part as Markdown.

    Args:
        judged: its models.
        part: which.
        model: the name of the model at hand that some of them are made of.
        behaviour: what their answers come to.
    """
    own = [each for each in judged if each.world not in MODEL_WORLDS.values()]
    groups = {ALONE: own, model: [each for each in judged if each not in own]}
    groups = {name: some for name, some in groups.items() if some}
    whole = {"all": judged, **groups} if len(groups) > 1 else groups
    wrong = [each for each in judged if each.false_alarm]
    blocks = [
        "# The audit on models with known answers",
        _head(judged, part, groups),
        _headline(whole),
        _defined(),
        "## Beside a published figure",
        _anchor(judged),
        "## What each kind is called",
        "Rows: what was done. Columns: what the audit calls it, the gravest of its findings; right ones in bold.",  # noqa: E501
        _kinds(judged),
        "## Called something else, or with an untrue warning",
        _wrong(wrong),
        "## How the models answer",
        behaviour or "Not measured: `--measure` asks them.",
        "## What is not recognised",
        UNRECOGNISED,
        "## Recipes",
        _recipes(judged, part, groups),
    ]
    return "\n\n".join(blocks) + "\n"


def _head(judged: Sequence[Judged], part: Part, groups: Mapping[str, Sequence[Judged]]) -> str:
    kinds = {each.kind for each in judged}
    made = []
    for name, some in groups.items():
        seeds = ", ".join(str(seed) for seed in sorted({each.world for each in some}))
        of = f"seeds {seeds}" if name == ALONE else f"prompts of seed {seeds}"
        made.append(f"{len(some)} of {name} ({of})")
    return (
        f"Written by `modelrepair lab corpus --part {part} --judge`: {len(judged)} models of "
        f"{len(kinds)} kinds, {' and '.join(made)}. Each is audited with `--deep --proof` and what "
        "a maintainer has from its card: the claimed base, the parents of a merge, the source of "
        "a repair."
    )


def _headline(groups: Mapping[str, Sequence[Judged]]) -> str:
    rows: list[tuple[str, Callable[[Sequence[Judged]], Spread | None]]] = [
        ("called what they are, all kinds", lambda some: counted(some, lambda each: each.right)),
        ("false alarms on clean and benign ones",
         lambda some: counted(of_group(some, "benign"), lambda each: each.false_alarm)),
        ("of these, an untrue warning or error",
         lambda some: counted(of_group(some, "benign"), lambda each: bool(each.alarms))),
        ("`direction-removed` found among the ablated",
         lambda some: separation(some).get("found among the ablated")),
        ("`direction-removed` found among the fine-tuned",
         lambda some: separation(some).get("found among the fine-tuned")),
        ("AUROC, ablated against fine-tuned", lambda some: separation(some).get("AUROC")),
    ]  # fmt: skip
    return table(
        ["share, 95 % interval, n", *groups],
        ([name, *(_cell(figure(some)) for some in groups.values())] for name, figure in rows),
    )


def _defined() -> str:
    left = "; ".join(f"`{rule}`, because {why}" for rule, why in LEFT_OUT.items())
    return (
        "A *false alarm* is a clean or benign model that is called something else than what was "
        "done to it, or of which a warning or error says something untrue. A true note is none, "
        "such as *fine-tuned* of a benign fine-tune. *Fine-tuned* here are the benign and harmful "
        "ones, full or LoRA.\n\n"
        f"Judged are the stages {', '.join(STAGES)}, without {left}.\n\n"
        "The score behind AUROC is the share of the changed matrices whose change removes a "
        "direction, as stage 4 reads them (`MR-DIF-002`): it sees weights, and no name or mark. "
        "Intervals are Wilson's, that of AUROC Newcombe's (2006, method 5). They take the models "
        "for independent; those of one base are not quite."
    )


def _anchor(judged: Sequence[Judged]) -> str:
    apart = separation(judged)
    if not apart:
        return "It takes ablated and fine-tuned models."
    false = apart["found among the fine-tuned"]
    rows = [
        ("models separated", str(apart["AUROC"].n), "273"),
        ("AUROC", f"{apart['AUROC'].mean:.3f}", ".95"),
        ("balanced accuracy", f"{balanced(apart):.3f}", ".89"),
        ("false positives", f"{false.mean:.3f}", ".11"),
    ]
    return table(["ablated or not", "here", "arXiv 2607.01854"], rows) + (
        "\n\nThe models are others, so the two columns are no ratio of merit. The paper separates "
        "abliterated models of the Hub from benign ones by weights and activations together, and "
        "can be misled by a forged reference. The models here are small, made by known methods, "
        "and each is compared with its true base."
    )


def _kinds(judged: Sequence[Judged]) -> str:
    found = confusion(judged)
    called = [name for name in (*READINGS, NOTHING, ERROR)
              if any(row[name] for row in found.values())]  # fmt: skip
    rows = []
    for kind, row in found.items():
        own = [each for each in judged if each.kind == kind]
        right = counted(own, lambda each: each.right)
        alarms = sum(bool(each.alarms) for each in own)
        cells = [f"**{row[name]}**" if name == KINDS[kind].reading and row[name]
                 else str(row[name] or "") for name in called]  # fmt: skip
        shown = f"{right.mean:.2f} [{_limits(right)}]"
        rows.append([f"`{kind}`", str(len(own)), shown, str(alarms), *cells])
    head = ["kind", "n", "right, 95 % interval", "untrue warnings", *called]
    return table(head, rows)


def _wrong(judged: Sequence[Judged]) -> str:
    if not judged:
        return "None."
    return table(
        ["model", "known", "called", "untrue warnings and errors"],
        ([each.name, each.answer.reading, each.reading, " ".join(each.alarms)] for each in judged),
    )


def _recipes(judged: Sequence[Judged], part: Part, groups: Mapping[str, Sequence[Judged]]) -> str:
    """What was done, and with which numbers, by kind and base."""
    tables = {name: OF_WORLDS if name == ALONE else OF_MODEL for name in groups}
    rows = []
    for kind in confusion(judged):
        given = [
            "; ".join(map(_recipe, recipes[part].get(kind, ())))
            if any(each.kind == kind for each in groups[name]) else ""
            for name, recipes in tables.items()
        ]  # fmt: skip
        answer = KINDS[kind]
        rows.append([f"`{kind}`", answer.group, answer.what, *given])
    return table(["kind", "group", "what was done", *tables], rows)


def _recipe(recipe: Recipe) -> str:
    return ", ".join(f"{key} {_value(value)}" for key, value in recipe.items()) or "as it is"


def _value(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value).replace(",", " ")


def _cell(found: Spread | None) -> str:
    if found is None or not found.n:
        return "–"
    return f"{found.mean:.3f} [{_limits(found)}], {found.n}"


def _limits(found: Spread) -> str:
    return "–" if found.low is None else f"{found.low:.3f}, {found.high:.3f}"
