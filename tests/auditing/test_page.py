"""The page of audits: all of them, every text as text, readable in a browser."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.auditing.addresses import hub
from modelrepair.auditing.checks import RULES
from modelrepair.auditing.difference.difference import Difference, TensorChange
from modelrepair.auditing.page import maps, model_part, outside, to_html
from modelrepair.auditing.results import Audit, Base
from modelrepair.auditing.rule import STAGES
from modelrepair.errors import HubError
from modelrepair.version import project_address
from tests.support.audits import AUDITS, COMMIT, HOSTILE
from tests.support.project_links import ADDRESS, built_with

MADE = datetime(2026, 1, 1, tzinfo=UTC)
VOID = {"meta", "link", "input", "br"}
LINES = ["--- base", "+++ model", "@@ -1 +1,2 @@", "-{{ a }}", "+{{ b }}", f"+{HOSTILE[0]}"]


def change(layer: int, name: str) -> TensorChange:
    removed = name == "o_proj"
    return TensorChange(
        f"model.layers.{layer}.{name}.weight",
        layer,
        name,
        (64, 64),
        "removed" if removed else "equal",
        norm=layer / 100,
        changed=0.5,
        top_share=1.0 if removed else None,
    )


BIG = Difference(
    (
        *(change(i, name) for i in range(32) for name in ("q_proj", "o_proj", "mlp.down_proj")),
        TensorChange("lm_head.weight", None, "lm_head", (9, 9), "dense", 0.5, None),
    )
)
SCORE = {"value": 0.9, "n": 256, "low": 0.857, "high": 0.931}
MEASURED = {
    "model": {"judge": HOSTILE[0], "harmful_score": SCORE, "refusal_rate": SCORE},
    "base": {"judge": "guard", "harmful_score": SCORE},
    "differences": {"harmful_score": SCORE},
    "endpoint": {"url": "http://127.0.0.1:8000/v1", "model": HOSTILE[1], "route": "completions",
                 "engine": "vllm", "version": "0.9.9"},
    "warnings": [HOSTILE[2] * 9],
}  # fmt: skip
AUDIT = Audit(
    "some-organisation/a-very-long-name-of-a-model-that-has-no-place-to-break-v2-instruct-merged",
    COMMIT,
    Base("meta/base", "b" * 40, "its card"),
    7,
    STAGES[:4],
    (
        *(RULES["MR-FIL-001"].found(each * 4, files=[each], **{each: HOSTILE}) for each in HOSTILE),
        RULES["MR-TPL-001"].found("a line added", severity="warning", diff={"a": LINES}, n=1),
        RULES["MR-FIL-002"].inconclusive("the network is down"),
        RULES["MR-FIL-003"].clear("nothing asks for code"),
    ),
    {"model": 1000},
    difference=BIG,
    behaviour=MEASURED,
)
FAILED = Audit("user/gone", error=HubError("user/gone is not there", hint="check the id"))


class Read(HTMLParser):
    """The elements of a page with their attributes, and all of its text; tags must nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


@settings(max_examples=20, deadline=None)
@given(st.lists(AUDITS, max_size=3))
def test_no_text_of_an_upload_becomes_markup(audits):
    page = Read(to_html(audits))
    places = ("#", "data:,", hub(), project_address() or "#")
    assert page.count("script") == page.count("style") == 1
    assert page.count("section") == len(audits)
    for tag, attributes in page.elements:
        assert tag not in ("img", "iframe", "object", "base", "embed")
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes)
        assert attributes.get("href", "#").startswith(places)
    answers = [each for _, each in page.elements if "data-outcome" in each]
    expected = sum(1 if each.error else len(each.findings) for each in audits)
    assert len(answers) == expected


def test_everything_is_on_the_page():
    page = Read(to_html([AUDIT, FAILED], MADE)).text
    for each in ("MR-FIL-001", "MR-TPL-001", "the network is down", "user/gone is not there"):
        assert each in page
    for each in ("check the id", "proof: not run (--proof)", "1 not looked at", "2026-01-01"):
        assert each in page
    assert HOSTILE[0] * 4 in page
    assert page.count("0.900 (0.857 to 0.931), n = 256") == 4
    assert "engine: vllm 0.9.9" in page
    assert "\u202e" not in page and "\x1b" not in page
    assert to_html([AUDIT], MADE) == to_html([AUDIT], MADE)


def test_a_repository_is_linked_at_its_commit_and_a_rule_where_the_project_has_an_address(
    monkeypatch,
):
    links = [each["href"] for tag, each in Read(to_html([AUDIT])).elements if tag == "a"]
    assert f"{hub()}{AUDIT.name}/tree/{COMMIT}" in links
    built_with(monkeypatch, ADDRESS)
    links = [each["href"] for tag, each in Read(to_html([AUDIT])).elements if tag == "a"]
    assert f"{ADDRESS}/blob/v1.2.0/docs/reference/audit-rules.md#mr-fil-001" in links


def test_a_template_s_diff_is_shown_line_by_line():
    page = Read(to_html([AUDIT]))
    kinds = [each.get("class") for tag, each in page.elements if tag == "span"]
    assert (kinds.count("added"), kinds.count("gone")) == (2, 1)


def test_the_maps_are_those_of_stage_4():
    found = maps(BIG)
    assert [each.projections for each in found][-1] == ["o_proj"]
    assert [each.most for each in found] == [0.5, 0.31, 1.0]
    assert all(len([c for c in each.cells if c.marked]) == 32 for each in found)
    assert outside(BIG) == [["lm_head.weight", "50.0 %", "–", "–"]]
    page = to_html([AUDIT])
    assert page.count("<svg") == 3
    assert page.count("heat marked") == 96
    assert "<svg" not in to_html([Audit("a", ran=STAGES[:3])])


def test_evidence_is_text():
    finding = RULES["MR-FIL-001"].found(
        "a", n=1, share=0.25, whole=True, none=None, names=["a", "b"], kinds={"dense": 33},
        deep={"a": {"b": [1]}}, empty=[],
    )  # fmt: skip
    part = model_part(Audit("m", ran=("metadata",), findings=(finding,)), "model-1")
    shown = {name: text for name, text, _ in part.groups[0][1][0].evidence}
    assert json.loads(shown.pop("deep")) == {"a": {"b": [1]}}
    assert shown == {
        "n": "1", "share": "0.25", "whole": "yes", "none": "–", "names": "a, b",
        "kinds": "dense: 33", "empty": "none",
    }  # fmt: skip


def test_a_failed_model_has_no_counts():
    part = model_part(FAILED, "model-1")
    assert (part.error, part.hint, part.counts) == ("user/gone is not there", "check the id", ())


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if _chromium() is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-sync",
                 "--disable-background-networking", "--disable-component-update"]  # fmt: skip
        found = running.chromium.launch(executable_path=_chromium(), args=quiet)
        yield found
        found.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens the page from disk without a network; what the console says is a failure."""
    said: list[str] = []
    contexts = []

    def open_page(width: int = 1280, scheme: str = "light", audits=(AUDIT, FAILED)):
        path = tmp_path / "audit.html"
        path.write_text(to_html(audits), encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or said.append(
            asked.url))  # fmt: skip
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_a_browser_shows_it_without_scrolling_sideways(opened, width, scheme):
    page = opened(width, scheme)
    for each in page.locator("summary").all():
        each.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    grounds = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert grounds == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(18, 22, 27)")
    assert page.locator("svg").first.is_visible()


@pytest.mark.slow
def test_filters_leave_what_was_asked_for(opened):
    page = opened()
    visible = page.locator("[data-outcome]:visible")
    page.get_by_label("found", exact=True).uncheck()
    assert set(visible.evaluate_all("all => all.map(e => e.dataset.outcome)")) == {
        "inconclusive", "error",
    }  # fmt: skip
    page.get_by_role("button", name="Reset").click()
    page.locator("[data-outcome][hidden]").first.wait_for(state="detached")
    page.get_by_label("Found, at least").select_option("error")
    found = page.locator("[data-outcome=found]:visible")
    assert set(found.evaluate_all("all => all.map(e => e.dataset.severity)")) == {"error"}
    page.get_by_label("Text").fill("nothing asks for code")
    assert visible.count() == 1
    assert "1 of" in page.locator("#shown").inner_text()
    assert page.locator("section:visible").count() == page.locator("tr[data-row]:visible").count()
    page.get_by_label("Text").fill("user/gone")
    assert page.locator("section:visible").count() == 1


@pytest.mark.slow
def test_the_keyboard_reaches_filters_and_evidence(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
    assert {"INPUT", "SELECT", "BUTTON", "A", "SUMMARY"} <= reached


@pytest.mark.slow
def test_print_shows_what_is_folded_and_no_filters(opened):
    page = opened(scheme="dark")
    page.emulate_media(media="print")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.locator("#filters").is_visible()
    assert page.locator("details:not([open])").count() == 0
    assert page.get_by_text("nothing asks for code").is_visible()
    assert len(page.pdf()) > 1000
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
