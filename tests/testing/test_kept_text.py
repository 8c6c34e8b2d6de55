"""Whether an object still holds a text that it was shown."""

from __future__ import annotations

import functools

import pytest

from modelrepair.testing.kept_text import holder_of

WORD = "quill"
SEEN: list[str] = []


class Judge:
    shared: list[str] = []  # noqa: RUF012

    def __init__(self, seen=None):
        self.seen = seen


@functools.lru_cache
def cached(text):
    return len(text)


def closed_over(text):
    return lambda: text


@pytest.mark.parametrize(
    "seen",
    [
        f"a {WORD}",
        [{"answers": (f"a {WORD}",)}],
        {f"a {WORD}": 1},
        f"a {WORD}".encode(),
        closed_over(f"a {WORD}"),
        functools.partial(print, f"a {WORD}"),
        Judge(f"a {WORD}"),
    ],
)
def test_a_text_is_found_wherever_the_object_keeps_it(seen):
    assert holder_of(WORD, Judge(seen)) == "its seen"
    assert holder_of("quillenspire", Judge(seen)) is None


def test_a_text_is_found_in_the_class_in_the_module_and_in_a_cache():
    assert holder_of("feather", Judge()) is None
    Judge.shared.append("a feather")
    assert holder_of("feather", Judge()) == "its class's shared"
    SEEN.append("a nib")
    assert holder_of("a nib", Judge()) == "its module's SEEN"
    cached("an inkwell of " + "glass" * 2)
    assert holder_of("inkwell of glassglass", Judge()) == "its module's cached"
    for seen in (Judge.shared, SEEN):
        seen.clear()
    cached.cache_clear()


def test_a_circle_has_an_end():
    circle: list[object] = []
    circle.append(circle)
    assert holder_of(WORD + "s", Judge(circle)) is None
