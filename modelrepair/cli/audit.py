"""``modelrepair audit``: what an upload is, without trusting it."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from modelrepair.cli.audit_documents import DOCUMENTS, check_format, give
from modelrepair.cli.audit_measuring import measuring_of, measuring_options
from modelrepair.cli.audit_shown import line_of, shown
from modelrepair.cli.options import FILE, option, section
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.errors import UsageError

LIST = "give a UTF-8 text file with an id or folder a line"
FORMATS = ("table", "jsonl", *DOCUMENTS)


@declare("audit", has_steps=True)
@click.argument("targets", nargs=-1)
@section(
    "What is looked at",
    option("--revision", help="Branch, tag or commit of the one TARGET on the Hub."),
    option("--org", "orgs", multiple=True, help="All models of an organisation; again for more."),
    option("--author", "authors", multiple=True, help="All models of a user; again for more."),
    option("--tag", "tags", multiple=True, help="All models with a tag; with --org, those of it."),
    option(
        "--from",
        "lists",
        multiple=True,
        help="A file with an id or folder a line; - is the standard input.",
    ),
    option("--shard", help="Of the list, take part i of n: i/n."),
)
@section(
    "With what it is compared",
    option(
        "--base",
        help="This model, a Hub id or a folder, whatever TARGET claims; `none` for nothing.",
    ),
    option(
        "--candidate",
        "candidates",
        multiple=True,
        help="A model that TARGET may come from; again for more.",
    ),
    option(
        "--candidates",
        "candidate_lists",
        multiple=True,
        type=FILE,
        help="A file with a candidate a line.",
    ),
    option(
        "--deep",
        is_flag=True,
        help="Compare every tensor with the base's in full; models on the Hub are downloaded.",
    ),
)
@section(
    "What more is done",
    option("--proof", is_flag=True, help="Where TARGET claims to be a repair, derive it again."),
    option("--source", help="What the repair was made from. Default: what its manifest names."),
    option("--reference", help="The reference that it was made with. Default: the manifest's."),
)
@measuring_options()
@section(
    "How",
    option(
        "--budget",
        type=click.IntRange(min=1),
        help="Bytes of each side that are read. Default: 36,000,000.",
    ),
    option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        help="Compare the parts that this seed draws. Default: a fresh one for each model.",
    ),
    option("--state", type=FILE, help="Keep finished audits in this file, and resume from it."),
    option("--at-once", type=click.IntRange(1, 64), default=4, help="Models looked at together."),
)
@section(
    "What comes of it",
    option("--format", "form", type=click.Choice(FORMATS), default="table", help="jsonl prints "
           "each audit as it is done."),
    option("--out", type=FILE, help="Write the document of the format to this file, whole or not "
           "at all."),
    option("--fail-on", type=click.Choice(["note", "warning", "error", "never"]),
           default="warning", help="Exit with 1 where something of this severity is found."),
)  # fmt: skip
def command(
    output: Output,
    targets: tuple[str, ...],
    *,
    lists: tuple[str, ...],
    candidates: tuple[str, ...],
    candidate_lists: tuple[Path, ...],
    orgs: tuple[str, ...],
    authors: tuple[str, ...],
    form: str,
    out: Path | None,
    fail_on: str,
    revision: str | None,
    **options: Any,
) -> int:
    """Look at TARGET, a folder or a model on the Hub, without trusting it.

    Nothing of it is run, and no pickle is opened. Exit code 0 where all is clear, 1 where something
    was found, 7 where something could not be looked at. Over a list 1 outranks 7, that 3, that 0.
    """
    import modelrepair
    from modelrepair.auditing.results import Audit, exit_code_of

    if output.json_mode and form not in ("table", "json"):
        raise UsageError(f"--json and --format {form} are two formats", hint="give one of the two")
    named = [*targets, *(line for name in lists for line in _lines(name))]
    compared = [*candidates, *(line for path in candidate_lists for line in _lines(str(path)))]
    if candidate_lists and not compared:
        raise UsageError(f"{candidate_lists[0]} names no candidate", hint=LIST)
    many = bool(lists or orgs or authors or options["tags"] or len(targets) > 1)
    form = "json" if output.json_mode else form
    check_format(form, out)
    options["inventory"] = form == "cyclonedx"
    options["measure"] = measuring_of(options)
    if revision is not None and many:
        raise UsageError("--revision is of one model", hint="write id@revision in a list")
    found: list[Audit] = []

    def audits() -> Iterator[Audit]:
        if not many:
            # Of one model an error is the command's own.
            options.pop("tags"), options.pop("at_once")
            for each in ("state", "shard"):
                if options.pop(each) is not None:
                    raise UsageError(f"--{each} is of a list", hint="leave it out for one model")
            name = named[0] if named else ""
            one = {**options, "revision": revision, "candidates": compared}
            yield modelrepair.audit(name, progress=output.progress(), **one)
            return
        yield from modelrepair.audits(
            named, authors=[*orgs, *authors], candidates=compared, progress=output.progress(),
            **options,
        )  # fmt: skip

    if not named and not many:
        raise click.UsageError("there is no TARGET, and no --org, --author, --tag or --from")
    for audit in audits():
        found.append(audit)
        if form == "jsonl":
            output.document(audit.to_json())
        elif form == "table" and many:
            output.show(line_of(audit))
    if form in DOCUMENTS:
        give(output, found, form, out, many)
    elif form == "table" and not many:
        output.show(*shown(found[0]))
    return exit_code_of(audit.exit_code(fail_on) for audit in found)


def _lines(name: str) -> list[str]:
    """The lines of a file that name models; one that is no UTF-8 is a name that no model has."""
    from modelrepair.auditing.targets import lines_of

    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"the list {name} can't be read: {error.strerror}", hint=LIST) from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError(f"the list {name} can't be read: it is UTF-16", hint=LIST)
    return lines_of(data.decode("utf-8-sig", "backslashreplace"))
