"""The table of what goes wrong with the Hub as a page for people: ``docs/hub-errors.md``."""

from __future__ import annotations

from tests.support.error_ids import linked
from tests.support.hub.table import PULLS, PUSH, PUSHES


def page() -> str:
    """The table for people."""
    parts = [
        "<!-- Written by docs/generate.py from the table that the tests run: change that, then "
        "run `make docs`. -->",
        "# Errors of the Hub",
        f"What `{PUSH}`, and a repair of `user/model`, say to what, with the "
        "[exit code](exit-codes.md), and what the Hub has of it then. The folder is never touched "
        "but for the card, which names its repository. A second run, after whatever the hint says, "
        "completes every row that can be completed. “…” is text that depends on the case; where "
        "nothing is said, the client tries again and all goes well. What each id means is in the "
        "[error reference](errors.md).",
    ]
    for title, rows in {**PUSHES, "Fetching a source": PULLS}.items():
        pulls = title == "Fetching a source"
        heads = ["what", "id", "code", "error", "hint"] + ([] if pulls else ["on the Hub"])
        table = [" | ".join(["", *heads, ""]).strip(), "| --- " * len(heads) + "|"]
        for row in rows:
            cells = [
                row.what,
                linked(row.id, "errors.md"),
                str(row.code),
                row.line or "–",
                row.hint or "–",
            ]
            cells += [] if pulls else [row.left]
            table.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        parts += [f"## {title}", "\n".join(table)]
    return "\n\n".join(parts) + "\n"
