"""The example sets as they were named, each with how its rows are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelrepair.examples.keys import SetKey
from modelrepair.examples.load import SetReading
from modelrepair.settings.settings import NONE, Settings
from modelrepair.settings.short_names import short_set


@dataclass(frozen=True)
class NamedSet:
    """One set.

    Args:
        text: a name, a file or folder, or an id on the Hub.
        reading: how its rows are read.
    """

    text: str
    reading: SetReading = field(default_factory=SetReading)


NamedSets = Mapping[SetKey, NamedSet]


def named_sets(settings: Settings) -> dict[SetKey, NamedSet]:
    """The sets that were named, or that a default names, by their keys.

    >>> named_sets(Settings("user/model", utility_limit=9))[SetKey.UTILITY].reading.limit
    9
    >>> [str(key) for key in named_sets(Settings("user/model", borderline="none"))]
    ['realign', 'utility']
    """
    named = {key: getattr(settings, key) for key in SetKey}
    return {
        key: NamedSet(
            text,
            SetReading(
                columns=getattr(settings, f"{key.role}_columns"),
                filters=getattr(settings, f"{key.role}_filter"),
                limit=getattr(settings, f"{key.role}_limit"),
            ),
        )
        for key, text in named.items()
        if text not in (None, NONE)
    }


def shown_name(named: NamedSets, key: SetKey) -> str:
    """What a set is called to the user: as it was named, else by its role.

    >>> named = {SetKey.UTILITY: NamedSet("/data/mine.jsonl")}
    >>> shown_name(named, SetKey.UTILITY), shown_name(named, SetKey.REFUSAL)
    ('mine.jsonl', 'refusal')
    """
    return short_set(named[key].text) if key in named else key.role
