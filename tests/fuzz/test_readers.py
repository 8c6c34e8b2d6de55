"""Any bytes, and any change of a valid file, give a value or an error of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.readers import NAMES, RIGHT, Reader, readers

SAFETENSORS = ("header", "mask", "values")
DOCUMENTS = ("index", "manifest", "attestation", "adapter", "verdicts", "lines")
QUICK = settings(
    max_examples=25,
    deadline=2000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NUMBERS = st.sampled_from([0, -1, 2**31, 2**63, 10**400, 0.5, 1e308, True, False, None])
JSON = st.recursive(
    NUMBERS | st.text(max_size=5) | st.sampled_from(["/etc/x", "..", "\u202e", "a" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def all_readers(tmp_path_factory) -> Mapping[str, Reader]:
    found = readers(tmp_path_factory.mktemp("readers"))
    assert set(found) == set(NAMES)
    return found


def take(reader: Reader, data: bytes) -> None:
    with suppress(*RIGHT):
        reader.read(data)


@pytest.mark.parametrize("name", NAMES)
def test_a_valid_file_is_read(all_readers, name):
    # The seeds' masks and values are of other sizes than the readers ask for.
    with suppress(*(RIGHT if name in ("mask", "values") else ())):
        for data in all_readers[name].valid:
            all_readers[name].read(data)


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(data=st.data())
def test_bytes_put_into_a_file(all_readers, name, data):
    reader = all_readers[name]
    valid = data.draw(st.sampled_from([*reader.valid, b""]))
    start = data.draw(st.integers(0, len(valid)))
    end = data.draw(st.integers(start, min(len(valid), start + 40)))
    take(reader, valid[:start] + data.draw(st.binary(max_size=20)) + valid[end:])


@pytest.mark.parametrize("name", [*SAFETENSORS, *DOCUMENTS])
@QUICK
@given(data=st.data())
def test_another_value_in_a_document(all_readers, name, data):
    reader = all_readers[name]
    valid = reader.valid[0]
    if name in SAFETENSORS:
        size = int.from_bytes(valid[:8], "little")
        document, rest = json.loads(valid[8 : 8 + size]), valid[8 + size :]
    else:
        first, end, rest = valid.partition(b"\n" if name in ("verdicts", "lines") else b"\0")
        document, rest = json.loads(first), end + rest
    changed = json.dumps(another(document, data)).encode()
    if name in SAFETENSORS:
        changed = len(changed).to_bytes(8, "little") + changed
    take(reader, changed + rest)


def another(document: Any, data: st.DataObject) -> Any:
    """A document with one value of it changed, added or taken out."""
    place, inner = document, None
    while isinstance(place, dict | list) and place and (inner is None or data.draw(st.booleans())):
        inner = place
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        place = place[key]
    if inner is None or data.draw(st.integers(0, 20)) == 0:
        return data.draw(JSON)
    if data.draw(st.booleans()):
        inner[key] = data.draw(JSON)
    else:
        del inner[key]
    return document
