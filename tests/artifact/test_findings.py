"""Every finding has one lasting id, and the page of them is made from their table."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from modelrepair.artifact.findings import CODES, Code, Finding, Verification

PAGE = Path(__file__).parents[2] / "docs" / "verify.md"
TABLE = "| id | code | what it means | what to do |\n| --- | --- | --- | --- |\n"


def page() -> str:
    rows = "".join(
        f"| {each.id} | {code} | {each.means} | {each.do} |\n" for code, each in CODES.items()
    )
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(TABLE)
    return head + TABLE + rows + "\n" + rest.partition("\n\n")[2]


def test_the_page_of_findings_is_current():
    text = page()
    if PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8")
        raise AssertionError(f"{PAGE.name} was not current and is written again")


def test_every_code_has_an_id_of_its_own():
    assert set(CODES) == set(get_args(Code))
    assert len({each.id for each in CODES.values()}) == len(CODES)
    assert all("\n" not in text and "|" not in text for each in CODES.values() for text in each)


def test_a_finding_outranks_what_could_not_be_decided():
    newer, changed = (Finding(code, "f", None, "m") for code in ("newer", "changed"))
    for found, code, result in (
        ([], 0, "verified"),
        ([newer], 7, "inconclusive"),
        ([newer, changed], 1, "not verified"),
    ):
        verification = Verification.of(found)
        assert (verification.exit_code, verification.result) == (code, result)
        assert verification.ok == (code == 0)
