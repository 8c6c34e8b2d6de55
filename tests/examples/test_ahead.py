"""Origin, licence and size of a set are known before a byte of it is fetched."""

from __future__ import annotations

import json

import pytest

from modelrepair.errors import HubError, UsageError
from modelrepair.examples.ahead import set_ahead

CARD = b"""---
license: cc-by-nc-4.0
dataset_info:
- config_name: en
  splits:
  - {name: train, num_examples: 27186}
  - {name: test, num_examples: 3021}
---
"""


def test_a_registered_set_is_known_without_a_request(sets_hub):
    found = set_ahead("beavertails", "realign")
    assert (found.licence, found.commercial, found.rows) == ("cc-by-nc-4.0", False, 27186)
    assert "cc-by-nc-4.0 (not for commercial use)" in found.line
    assert "PKU-Alignment/BeaverTails:30k_train at 8401fe609d28" in found.line
    assert "is_safe=False" in found.line
    assert sets_hub.requests == []


def test_another_set_is_known_by_its_card_alone(sets_hub):
    sets_hub.add("org/set", {"README.md": CARD, "train.jsonl": b'{"prompt": "a"}\n'})
    found = set_ahead("self:org/set:train", "utility", ["lang=en"])
    assert (found.licence, found.rows, found.filters) == ("cc-by-nc-4.0", 27186, ("lang=en",))
    assert not found.commercial
    asked = [path for _, path in sets_hub.requests if "org/set" in path]
    assert asked == ["/api/datasets/org/set"]
    sets_hub.add("org/bare", {"train.jsonl": b'{"prompt": "a"}\n'})
    assert "no licence known" in set_ahead("org/bare", "utility").line
    assert set_ahead("org/set", "utility", ask=False).licence is None


def test_a_set_that_is_not_there_is_told_before_anything_else(sets_hub):
    with pytest.raises(HubError, match="there is no data set org/none"):
        set_ahead("org/none", "utility")
    with pytest.raises(UsageError, match="is no utility set"):
        set_ahead("beavertails", "utility")


def test_a_file_is_yours_and_its_lines_are_counted(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps({"prompt": str(n)}) + "\n\n" for n in range(5)))
    found = set_ahead(str(path), "utility")
    assert (found.origin, found.rows, found.licence) == ("a file of yours", 5, None)
    assert set_ahead(str(tmp_path / "none.csv"), "utility").rows is None
