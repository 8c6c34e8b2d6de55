"""Scorers and judges that fail: rows."""

from __future__ import annotations

from tests.support.breaking import FIRST, Row, failing, scorer, text

FAULT = "this is a fault of the plug-in, or of the model it was given; --debug shows more"
MINE = "scorer 'Mine' of mine.py sha256:…"
ACCUMULATOR = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Sums:
    reads = "inputs"
    combine = "sum"
    def contribution(self, site, batch): raise IndexError(7)
    def nbytes(self, site): return 8

class Mine:
    sets = {"realign": "pairs"}
    needs = {"realign": (Sums(),)}
    def __init__(self, options, subject_kind): pass
    def score(self, view, statistics): return view.subject
"""
OWN = {"options": "--scorer mine.py:Mine"}

PLUGINS = [
    Row("no such file", "unknown-name", "no file none.py for the scorer Mine",
        "give path/to/file.py:Class, from the folder that you are in", "--scorer none.py:Mine"),
    Row("no such class", "unknown-name", "mine.py has no class Yours", "its classes: Mine",
        "--scorer mine.py:Yours", make=scorer("pass")),
    Row("a file that fails", "plugin-not-loaded",
        "mine.py could not be imported: ZeroDivisionError: division by zero",
        "repair the file; `--debug` shows the traceback",
        "--scorer mine.py:Mine", make=text("mine.py", "1 / 0")),
    Row("a class that can't be made", "plugin-not-loaded",
        f"{MINE} could not be made: TypeError: …",
        "repair or update that plug-in; `--debug` shows its traceback",
        "--scorer mine.py:Mine", make=text("mine.py", "class Mine:\n    sets = {}\n")),
    Row("a scorer that raises", "plugin-failed", f"{MINE} failed on {FIRST}: KeyError: 'x'", FAULT,
        make=scorer("return {}['x']"), **OWN),
    Row("scores that are no tensor", "plugin-failed",
        f"{MINE} gave NoneType, expected a tensor on {FIRST}", FAULT,
        make=scorer("return None"), **OWN),
    Row("scores of another shape", "plugin-failed",
        f"{MINE} gave shape […], expected […] on {FIRST}", FAULT,
        make=scorer("return view.subject[0]"), **OWN),
    Row("scores of another dtype", "plugin-failed",
        f"{MINE} gave torch.float64, expected torch.float32 on {FIRST}", FAULT,
        make=scorer("return view.subject.double()"), **OWN),
    Row("scores with NaN", "plugin-failed",
        f"{MINE} gave scores that are not finite on {FIRST}", FAULT,
        make=scorer("return view.subject * float('nan')"), **OWN),
    Row("the same score everywhere", "plugin-failed",
        f"{MINE} gave one and the same score everywhere",
        "the scorer does not look at its input",
        make=scorer("return torch.ones_like(view.subject)"), **OWN, rest=True),
    Row("statistics of a set that it did not name", "plugin-failed",
        f"{MINE} wants statistics of a utility set that it did not ask for",
        "name the set in the plug-in's `sets`, too", "--scorer mine.py:Mine",
        make=scorer("pass", needs={"utility": ()})),
    Row("an accumulator that raises", "plugin-failed",
        f"{MINE}: Sums failed on {FIRST}: IndexError: 7", FAULT,
        make=text("mine.py", ACCUMULATOR), **OWN, rest=True),
    Row("a judge that raises", "judge-failed", "judge 'demo-world' failed: ValueError: no verdict",
        "choose another with --judge, or see --debug",
        patch=failing("modelrepair.demo.judge.WorldJudge.judge", ValueError("no verdict"))),
    Row("a judge that can't be made", "plugin-not-loaded",
        "judge 'demo-world' of modelrepair … could not be made: ValueError: no key",
        "repair or update that plug-in; `--debug` shows its traceback",
        patch=failing("modelrepair.demo.judge.WorldJudge.__init__", ValueError("no key"))),
]  # fmt: skip
