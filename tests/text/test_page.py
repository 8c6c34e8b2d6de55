"""Pages: what they show is text, what they run is their own, and colours can be read."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.text.page import policy, render

CSS = files("modelrepair.text").joinpath("pages", "page.css").read_text("utf-8")


@given(st.text())
def test_a_title_is_text(title):
    page = render("layout.html.jinja", title=title)
    page.encode()
    _head, _, rest = page.partition("<title>")
    shown, _, body = rest.partition("</title>")
    assert "<" not in shown
    assert body.count("<script>") == 1
    assert "\u202e" not in page


def test_a_page_runs_its_own_style_and_script_and_nothing_else():
    page = render("layout.html.jinja", title="a")
    allowed = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[1]
    allowed = allowed.replace("&#39;", "'")
    assert allowed.startswith("default-src 'none'")
    assert "unsafe" not in allowed
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in allowed
    assert allowed == policy(CSS, files("modelrepair.text").joinpath("pages/page.js").read_text())


def test_a_page_asks_for_nothing_from_outside():
    page = render("layout.html.jinja", title="a")
    assert "url(" not in CSS and "@import" not in CSS
    assert not re.search(r"https?://", page)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _schemes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", each)) for each in blocks[:2])
    assert light.keys() == dark.keys()
    return {"light": light, "dark": dark}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(scheme):
    colours = _schemes()[scheme]
    texts = {"text", "quiet", "link", "error", "clear"}
    pairs = [(text, ground) for text in texts for ground in ("ground", "raised")]
    pairs += [(name.removesuffix("-ground"), name) for name in colours if name.endswith("-ground")]
    for text, ground in pairs:
        low, high = sorted(_luminance(colours[each]) for each in (text, ground))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)
