"""Addresses: a rule's anchor is on the page, and no name of a file changes where one leads."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from modelrepair.auditing.addresses import RULES_PAGE, address_of, in_folder, on_hub, path_of
from modelrepair.auditing.checks import RULES
from tests.support.project_links import ADDRESS, built_with

ROOT = Path(__file__).parents[2]
RULE = RULES["MR-FIL-001"]


def test_every_rule_has_its_anchor_on_the_generated_page():
    page = (ROOT / RULES_PAGE).read_text(encoding="utf-8")
    for rule in RULES.values():
        file, _, anchor = path_of(rule).partition("#")
        assert file == RULES_PAGE
        assert page.count(f'<a id="{anchor}"></a>`{rule.id}` {rule.name} |') == 1


def test_a_rule_s_address_is_its_place_in_this_version_s_documentation(monkeypatch):
    built_with(monkeypatch, "")
    assert address_of(RULE) is None
    built_with(monkeypatch, ADDRESS)
    assert address_of(RULE) == f"{ADDRESS}/blob/v1.2.0/{path_of(RULE)}"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_file_s_name_is_text_in_its_address(name):
    for address in (on_hub("user/model", "c0ffee", name), in_folder("models/mine", name)):
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
        assert unquote(parts.path).endswith(f"/{name}")


def test_a_folder_is_no_scheme():
    assert urlsplit(in_folder("javascript:alert(1)")).scheme == ""
    assert in_folder("/a b", "c") == "file:///a%20b/c"
