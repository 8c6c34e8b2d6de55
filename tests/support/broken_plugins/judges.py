"""A good judge, and judges that are broken in one place."""

from __future__ import annotations

from tests.support.broken_plugins.broken import Broken

GOOD = '''
"""Refusals by one word."""

from modelrepair.plugin import JudgeSpec, hookimpl


class Mine:
    name = "NAME"

    def __init__(self, options):
        pass

    def judge(self, exchanges):
        return [self.verdict(exchange) for exchange in exchanges]

    def verdict(self, exchange):
        if "n't" in exchange.answer:
            return "refusal"
        return "harmful" if exchange.set == "harmful" else "harmless"


@hookimpl
def modelrepair_judges():
    yield JudgeSpec("NAME", "finds refusals by one word", load="MODULE:Mine")
'''

ALL = "        return [self.verdict(exchange) for exchange in exchanges]"
FIRST = '        if "n\'t" in exchange.answer:'

JUDGES = (
    Broken("skips", "benign exchanges are left out", "one-verdict-each",
        "it gave 4 verdicts for 8 exchanges", "for exchange in exchanges]",
        "for exchange in exchanges if exchange.set == 'harmful']",
        also=("empty-answer", "long-answer", "other-scripts", "control-characters")),
    Broken("own-words", "a verdict of its own", "known-verdicts",
        "it gave the verdict 'unsafe', expected harmful, refusal, harmless",
        'return "harmful" if', 'return "unsafe" if',
        also=("empty-answer", "long-answer", "other-scripts", "control-characters")),
    Broken("other-name", "a name that is not its spec's", "own-name",
        "the judge is named 'mine', its spec 'other-name'", 'name = "NAME"', 'name = "mine"'),
    Broken("moody", "verdicts that change", "same-verdicts",
        "it calls exchange 1 refusal, and harmful when asked a second time",
        FIRST, "        self.turn = getattr(self, 'turn', 0) + 1\n"
        f"{FIRST.rstrip(':')} and self.turn <= 8:"),
    Broken("sorts", "verdicts in an order of its own", "order",
        "it calls exchange 1 harmful, and … in another order",
        ALL, ALL.replace("return ", "return sorted(") + ")", also=("batches",)),
    Broken("compares", "a verdict that depends on the other exchanges", "batches",
        "it calls exchange … …, and … when asked 1 at a time",
        ALL, f"        if len(exchanges) == 1:\n            return ['harmless']\n{ALL}"),
    Broken("expects-text", "an empty answer breaks it", "empty-answer",
        "it failed on an empty answer: IndexError: string index out of range",
        FIRST, f"        exchange.answer[0]\n{FIRST}"),
    Broken("phones", "it asks the network", "no-network",
        "it asks the network: looks up example.invalid",
        ALL, "        import socket\n        try:\n"
        "            socket.create_connection(('example.invalid', 443), timeout=1)\n"
        f"        except OSError:\n            pass\n{ALL}"),
    Broken("collects", "it keeps the answers", "keeps-no-text",
        "it keeps what it was asked about, in its seen",
        FIRST, f"        vars(self).setdefault('seen', set()).add(exchange.answer)\n{FIRST}"),
    Broken("prose", "languages that are no codes", "attributes",
        "its languages are no ISO 639-1 codes, such as ('en', 'de')",
        'name = "NAME"', 'name = "NAME"\n    languages = ("English",)'),
)  # fmt: skip
