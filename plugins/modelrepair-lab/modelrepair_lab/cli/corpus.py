"""``modelrepair lab corpus``: models with known answers, and what an audit says of them."""

from __future__ import annotations

from pathlib import Path

import click

from modelrepair_lab.cli.declaring import FOLDER, Output, option
from modelrepair_lab.cli.declaring import command as declare

PARTS = ("tune", "held-out")


@declare("corpus")
@option("--out", type=FOLDER, required=True, help="Folder for worlds, models and pages.")
@option("--part", type=click.Choice(PARTS), default="tune", help="To tune on, or to judge by.")
@option(
    "--world",
    "worlds",
    type=click.IntRange(min=2),
    multiple=True,
    help="Seed of a world, in place of the part's own; again for more.",
)
@option(
    "--model",
    type=FOLDER,
    help="Make models of this one, too; without --world, of this one alone.",
)
@option("--kind", "kinds", multiple=True, help="Only models of this kind; again for more.")
@option("--judge", "judged", is_flag=True, help="Audit the models, and write PART.md and PART.csv.")
@option("--measure", "measured", is_flag=True, help="Ask the fine-tuned and benign ones, too.")
def command(
    output: Output,
    out: Path,
    part: str,
    worlds: tuple[int, ...],
    kinds: tuple[str, ...],
    model: Path | None,
    judged: bool,
    measured: bool,
) -> None:
    """Make models of which it is known what was done to them, and judge the audit by them.

    The two parts have other worlds and other recipes: set limits of an audit by one, and judge it
    by the other. The same command resumes what was interrupted.
    """
    from modelrepair_lab.corpus.answers import ASKED, ask, kept, table
    from modelrepair_lab.corpus.judging import judge
    from modelrepair_lab.corpus.making import make
    from modelrepair_lab.corpus.page import as_csv, page
    from modelrepair_lab.corpus.plan import PARTS as ALL
    from modelrepair_lab.corpus.plan import Corpus, chosen
    from modelrepair_lab.corpus.real import made_of_model, prepare

    corpus = Corpus(out)
    which = next(each for each in ALL if each == part)
    entries = chosen(which, worlds, kinds) if worlds or model is None else []
    if model is not None:
        prepare(corpus, model, which)
        entries += made_of_model(which, kinds)
    progress = output.progress()
    made = make(corpus, entries, progress)
    document = {"out": str(out), "part": which, "models": [path.name for path in made]}
    if measured:
        ask(corpus, entries, progress)
    if not judged:
        output.result(document, f"{len(made)} models in {out / which}")
        return
    found = list(judge(corpus, entries, progress))
    answers = kept(corpus, entries)
    of = sum(each.answer.group in ASKED for each in entries)
    said = table(answers, of) if answers else ""
    text = page(found, which, "" if model is None else model.name, said)
    for suffix, content in ((".md", text), (".csv", as_csv(found))):
        (out / f"{which}{suffix}").write_text(content, encoding="utf-8")
    rows = [{"model": each.name, "known": each.answer.reading, "called": each.reading,
             "alarms": list(each.alarms)} for each in found]  # fmt: skip
    output.result(
        {**document, "judged": rows}, *text.splitlines(), f"Written to {out / which}.md and .csv"
    )
