"""An audit as a comment: what an upload says shows as text, and the first line is the result's."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from modelrepair.auditing.checks import RULES
from modelrepair.auditing.comment import BEGIN, END, LONGEST, audit_comment, escaped
from modelrepair.auditing.results import Audit, Base
from modelrepair.auditing.rule import STAGES
from modelrepair.errors import UnsupportedModelError
from modelrepair.version import project_address
from tests.support.audits import AUDITS, COMMIT, HOSTILE

READER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
PICKLE, AUTO_MAP = RULES["MR-FIL-001"], RULES["MR-FIL-002"]
AUDIT = Audit(
    "user/model",
    COMMIT,
    Base("org/base", COMMIT, "its card"),
    seed=7,
    ran=("metadata",),
    findings=(PICKLE.found("pickles: a.bin"), AUTO_MAP.inconclusive("config.json is no JSON")),
    fetched={"model": 1_000_000},
)
MARKDOWN = st.text("@#*_`[]()!<>&\\|~$:/-+=.\n ahtpsw1\u202e", max_size=60)


def tokens(text):
    """Every token of the Markdown, the inner ones too."""
    for token in READER.parse(text):
        yield token
        yield from token.children or ()


def seen(text):
    """The text that a reader sees."""
    return "".join(token.content for token in tokens(text) if token.type == "text")


@settings(max_examples=20, deadline=None)
@given(AUDITS)
def test_no_text_of_an_upload_is_a_link_a_picture_or_html(audit):
    text = audit_comment(audit)
    marks = [each for each in tokens(text) if each.type.startswith("html")]
    assert [each.content.strip() for each in marks] == [text.splitlines()[0], END]
    found = {each.type for each in tokens(text)}
    assert not {"image", "fence", "code_block", "table_open"} & found
    links = [each.attrGet("href") for each in tokens(text) if each.type == "link_open"]
    assert all(project_address() and link.startswith(project_address()) for link in links)
    code = {each.content for each in tokens(text) if each.type == "code_inline"}
    assert code <= set(re.findall("`(.+?)`", " ".join(rule.do for rule in RULES.values())))
    assert sum(each.type == "heading_open" for each in tokens(text)) == 1


@given(st.one_of(st.sampled_from([*HOSTILE, "@user", "see www.evil.org"]), MARKDOWN))
def test_a_message_shows_as_it_is_and_reaches_nobody(text):
    shown = escaped(f"x{text}x")
    inline = READER.parseInline(shown)[0]
    assert {each.type for each in inline.children} <= {"text", "text_special"}
    for link in ("://", "www."):
        assert link not in inline.children[0].content.lower()
    plain = "".join(each.content for each in inline.children)
    assert not [end for end in plain.split("@")[1:] if not end.startswith("\u200b")]
    assert plain.replace("\u200b", "").startswith("x")
    if text.isascii() and text.isprintable() and len(text) < 40:
        assert plain.replace("\u200b", "") == f"x{text}x"


def test_it_says_what_was_found_what_not_and_what_did_not_run():
    said = seen(audit_comment(AUDIT))
    assert "Audit of user/model at c0ffee000000" in said
    assert "Compared with org/base at c0ffee000000 (named by its card)." in said
    assert "Found (1)" in said
    assert "pickles: a.bin" in said
    assert PICKLE.do in said
    assert "Not decided (1)" in said
    assert "config.json is no JSON" in said
    assert "structure, lineage, difference, proof, behaviour" in said
    assert "1.0 MB of the model. Seed: 7." in said


@settings(max_examples=20, deadline=None)
@given(AUDITS)
def test_it_judges_nothing(audit):
    ours = audit_comment(replace(audit, name="a/b", findings=(), error=None, base=None)).lower()
    assert "safe" not in ours
    assert "clean" not in ours


def test_a_model_that_could_not_be_opened_says_why_and_nothing_else():
    error = UnsupportedModelError("the index names /no/such/file", hint="mend it")
    said = seen(audit_comment(Audit("user/model", COMMIT, error=error)))
    assert "Not looked at: the index names /no/such/file" in said
    assert "not found" not in said


def test_the_findings_are_bounded_the_gravest_first():
    many = tuple(PICKLE.found(f"number {n} " + "long " * 1000, severity="note") for n in range(50))
    text = audit_comment(replace(AUDIT, findings=(*many, AUTO_MAP.found("grave"))), most=3)
    said = seen(text)
    assert said.index("grave") < said.index("number 0")
    assert "and 48 more" in said
    assert "number 2" not in said
    assert len(text) < 4 * LONGEST + 2000


@pytest.mark.parametrize(
    "change",
    [
        {"commit": "d" * 40},
        {"base": None},
        {"base": Base("org/base", "d" * 40, "its card")},
        {"ran": STAGES},
        {"findings": (PICKLE.clear("no pickle"),)},
        {"findings": (PICKLE.found("pickles: a.bin", severity="note"),)},
        {"error": UnsupportedModelError("broken", hint="mend it")},
    ],
)
def test_the_first_line_changes_with_the_result(change):
    first = audit_comment(AUDIT).splitlines()[0]
    assert first.startswith(BEGIN.partition("{")[0])
    assert audit_comment(replace(AUDIT, **change)).splitlines()[0] != first


def test_the_first_line_stays_with_another_seed():
    findings = (PICKLE.found("pickles: another figure"), AUDIT.findings[1])
    again = replace(AUDIT, seed=8, findings=findings, fetched={"model": 2})
    assert audit_comment(again).splitlines()[0] == audit_comment(AUDIT).splitlines()[0]


def test_paths_of_this_machine_are_left_out():
    base = Base("/home/me/bases/one", None, "--base")
    finding = PICKLE.found("/home/me/model differs from /home/me/bases/one")
    audit = Audit("/home/me/model", base=base, ran=("metadata",), findings=(finding,))
    said = seen(audit_comment(audit))
    assert "/home" not in said
    assert "the model differs from the base" in said
