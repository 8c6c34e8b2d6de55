"""A good example set, and sets that are broken in one place."""

from __future__ import annotations

from tests.support.broken_plugins.broken import ABSENT, Broken

GOOD = '''
"""Sums, beside their module."""

import json
from pathlib import Path

from modelrepair.plugin import ExampleSetSpec, hookimpl

FILE = Path(__file__).with_suffix(".jsonl")
ROWS = [{"prompt": f"What is {n} + {n}?", "response": f"{2 * n}"} for n in range(60)]
FILE.write_text("".join(json.dumps(row) + "\\n" for row in ROWS))


def spec(name="NAME", **more):
    about = {"summary": "sums", "source": FILE, "roles": ("utility",), "licence": "cc0-1.0"}
    return ExampleSetSpec(name, **{**about, "rows": 60, **more})


@hookimpl
def modelrepair_example_sets():
    return [spec()]
'''

SPEC = "return [spec()]"
HUB = '"org/sums:train"'
COMMIT = "0" * 40

EXAMPLE_SETS = (
    Broken("missing-file", "a file that is not there", "source",
        "it can't be read as a utility set: …: the utility set can't be read: No such file or "
        "directory", SPEC, 'return [spec(source=FILE.with_name("none.jsonl"))]'),
    Broken("no-id", "a source that is neither a path nor an id", "source",
        "it names 'sums.jsonl', which is no id on the Hub; a file is given as a Path",
        SPEC, 'return [spec(source="sums.jsonl", rows=None)]', also=("revision",)),
    Broken("no-role", "a role that there is not", ABSENT,
        "the plug-in that offers 'no-role' could not be loaded: …'no-role' has the roles "
        "('training',); there are: realign, refusal, utility, borderline",
        SPEC, 'return [spec(roles=("training",))]'),
    Broken("idle", "no role at all", "roles",
        "it has no role, expected realign, refusal, utility, borderline",
        SPEC, "return [spec(roles=())]"),
    Broken("both-sorts", "prompts that are to be harmful and benign", "one-sort",
        "it serves as realign and as utility: prompts are harmful or benign",
        SPEC, 'return [spec(roles=("realign", "utility"))]'),
    Broken("no-column", "a column that the file lacks", "columns",
        "broken_no_column.jsonl: there is no column 'question'",
        SPEC, 'return [spec(columns={"prompt": "question"})]'),
    Broken("unlicensed", "no licence", "licence", "it states no licence",
        '"licence": "cc0-1.0"', '"licence": None'),
    Broken("unpinned", "a set on the Hub at no commit", "revision",
        "it states no revision, expected the commit that it was read at",
        SPEC, f"return [spec(source={HUB}, rows=None)]"),
    Broken("miscounted", "another number of rows", "rows", "it states 61 rows, and 60 were read",
        '"rows": 60', '"rows": 61'),
    Broken("half-empty", "rows without an answer", "usable-rows",
        "rows that can't be used: 1; first …: there is no answer",
        "range(60)]", 'range(59)] + [{"prompt": "What is left?"}]'),
    Broken("repeats", "a prompt twice", "prompts-once",
        "rows whose prompt another row has: 1", "range(60)]", "[0, *range(59)]]"),
    Broken("too-few", "too few rows to be cut", "same-splits",
        "it can't be cut: …", "range(60)]", "range(1)]", also=("rows",)),
    Broken("two-families", "prompts that another set of its package holds as harmful",
        "own-prompts", "it shares prompts with 'harmful-sums', which has other roles: 60",
        SPEC, 'return [spec(), spec("harmful-sums", roles=("realign",))]'),
)  # fmt: skip
