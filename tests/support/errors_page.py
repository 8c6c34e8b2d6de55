"""The table of bad inputs as a page for people: ``docs/errors.md``."""

from __future__ import annotations

from tests.support.bad_inputs import SECTIONS
from tests.support.error_ids import linked, reference
from tests.support.harmless_inputs import HARMLESS


def page() -> str:
    """The table for people."""
    parts = [
        "<!-- Written by docs/generate.py from the table that the tests run: change that, then "
        "run `make docs`. -->",
        "# Error reference",
        "An error is two lines on stderr, `Error: …` and `Hint [id]: …`; with `--json` also one "
        "document on stdout, with the id and its place on this page. An id is stable: what is said "
        "may get better words, the id stays. Each is explained here with its [exit "
        "code](exit-codes.md). [Below](#what-fix-says-to-what) is what `modelrepair fix` says in "
        "each case that is tested; [errors of the Hub](hub-errors.md) are on a page of their own.",
        *reference(),
        "## What fix says to what",
        "The output folder is never there half-written, and the source is never changed. “…” is "
        "text that depends on the case. Rows marked ↻ leave `OUT.partial/`: the same command "
        "resumes where it stopped.",
    ]
    for title, rows in SECTIONS.items():
        table = ["| what | id | code | error | hint |", "| --- | --- | --- | --- | --- |"]
        for row in rows:
            cells = (row.what + " ↻" * row.rest, linked(row.id), str(row.code), row.line, row.hint)
            table.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        parts += [f"### {title}: cases", "\n".join(table)]
    table = ["| what | what is said |", "| --- | --- |"]
    table += [f"| {each.what} | {each.said or '–'} |" for each in HARMLESS]
    parts += ["## What stops nothing", "\n".join(table)]
    return "\n\n".join(parts) + "\n"
