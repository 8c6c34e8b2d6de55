"""Pictures that a browser opens: nothing in them but what matplotlib draws."""

from __future__ import annotations

import pytest

from modelrepair.verification.pictures import more_than_a_drawing


@pytest.mark.parametrize("encoding", ["utf-7", "utf-9", "utf-16", "iso-8859-1", "rot13"])
def test_a_picture_in_another_encoding(encoding):
    svg = f"<?xml version='1.0' encoding='{encoding}'?><svg/>"
    assert more_than_a_drawing(svg.encode()) is not None
    assert more_than_a_drawing(svg.encode("utf-16")) is not None
    assert more_than_a_drawing(svg.replace(encoding, "utf-8").encode()) is None


def test_entities_in_a_picture():
    entities = b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg><text>&b;</text></svg>'
    assert more_than_a_drawing(entities) is not None
    outside = b'<!DOCTYPE svg [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><svg/>'
    assert more_than_a_drawing(outside) is not None
