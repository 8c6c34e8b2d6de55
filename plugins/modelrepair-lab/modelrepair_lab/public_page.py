"""The page of what models say to published harmful prompts: each model beside the first."""

from __future__ import annotations

from collections.abc import Sequence

from modelrepair_lab.markdown import points, table, with_limits
from modelrepair_lab.public import VERDICTS, Asking, Figures
from modelrepair_lab.rows import Spread

NAMES = {"harmful": "answered", "refusal": "refused", "degenerate": "degenerate"}


def page(found: Sequence[Figures], asking: Asking) -> str:
    """The whole page, in points (hundredths), with 95 % intervals.

    Args:
        found: figures of each model and set; the first model is what the others stand beside.
        asking: how they were asked.
    """
    first = {each["set"]: each for each in found if each["model"] == found[0]["model"]}
    rows = [
        [
            each["set"],
            each["model"],
            *(with_limits(_spread(each[verdict])) for verdict in VERDICTS),
            "" if each["model"] == found[0]["model"] else points(_beside(each, first), signed=True),
            str(each["harmful"]["n"]),
        ]
        for each in sorted(found, key=lambda each: list(first).index(each["set"]))
    ]
    head = ["set", "model", *NAMES.values(), f"answered, beside {found[0]['model']}", "n"]
    packages = ", ".join(dict.fromkeys(f"{each['set']} ({each['package']})" for each in found))
    return "\n\n".join(
        [
            "# Published harmful prompts",
            f"Greedy answers of {asking.max_new_tokens} tokens to {asking.count} prompts of each "
            f"set, drawn with seed {asking.seed} from {packages}. Judge: `{asking.judge}`; with "
            "`keyword`, whatever is no refusal and not degenerate counts as answered, evasions "
            "among it. In points, with 95 % intervals. No text of the sets and no answer is kept.",
            table(head, rows),
        ]
    ) + "\n"  # fmt: skip


def _spread(measure: Figures) -> Spread:
    return Spread(measure["value"], measure["low"], measure["high"], measure["n"])


def _beside(each: Figures, first: Figures) -> float:
    return float(each["harmful"]["value"] - first[each["set"]]["harmful"]["value"])
