"""The example sets of a run before any that is far away is fetched: what lies here is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from modelrepair.examples.ahead import SetAhead, set_ahead
from modelrepair.examples.example import ExampleSet
from modelrepair.examples.find import OWN_ANSWERS, check_access, meant, on_the_hub
from modelrepair.examples.keys import SetKey
from modelrepair.plugin.loading import Registered
from modelrepair.preflight.named_sets import NamedSets
from modelrepair.preflight.refusals import Refusals
from modelrepair.preflight.sets import read_named
from modelrepair.progress import Notes
from modelrepair.settings.short_names import short_set


@dataclass(frozen=True)
class SetsAhead:
    """What is known of all sets that are going to be read, and those that were read already."""

    known: Mapping[SetKey, SetAhead] = field(default_factory=dict)
    given: Mapping[SetKey, ExampleSet] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether all of them were read."""
        return self.known.keys() == self.given.keys()


def look_at_sets(wanted: NamedSets, notes: Notes, refusals: Refusals) -> SetsAhead:
    """Look at the sets that are going to be read, before any that is far away is fetched.

    What lies here and what the user brings is read. Of a registered set it is known what it
    holds: the Hub is asked for leave alone, and it is fetched when everything else was found to
    be right. Once there is a refusal, the Hub is not asked for anything.

    Args:
        wanted: the sets, by key, as they were named.
        notes: where warnings go.
        refusals: stops the run at the first, or keeps it.

    Raises:
        ExampleSetError: a set can't be read as it is.
        HubError: the Hub, the rights on the set, or the network.
    """
    known: dict[SetKey, SetAhead] = {}
    given: dict[SetKey, ExampleSet] = {}
    for key, named in wanted.items():
        text = named.text
        far = on_the_hub(text)
        with refusals.kept():
            seen = set_ahead(text, key.role, named.reading.filters, ask=False)
            known[key] = replace(seen, id=short_set(text))
            found = meant(text.removeprefix(OWN_ANSWERS), key.role)
            if far and refusals.first is not None:
                continue
            if far and isinstance(found, Registered):
                check_access(found, key.role)
            else:
                given[key] = some = read_named(named, key.role, notes)
                known[key] = replace(
                    known[key],
                    commit=some.commit,
                    licence=some.licence,
                    rows=len(some.examples),
                    filters=(),
                )
    return SetsAhead(known, given)
