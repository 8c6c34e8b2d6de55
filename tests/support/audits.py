"""Audits made up of any rules, outcomes and texts, those of an attacker among them."""

from __future__ import annotations

from hypothesis import strategies as st

from modelrepair.auditing.checks import RULES
from modelrepair.auditing.results import Audit, Base
from modelrepair.auditing.rule import SEVERITIES, STAGES, Finding
from modelrepair.errors import HubError

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\u202etxt.exe\x1b[31m",
    "[click](https://example.org/evil)",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)//\"'`",
    "../../etc/passwd",
)
COMMIT = "c0ffee" + "0" * 34
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))
EVIDENCE = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=4,
    ),
    max_size=3,
)
FINDINGS = st.builds(
    Finding,
    rule=st.sampled_from(sorted(RULES.values(), key=lambda rule: rule.id)),
    outcome=st.sampled_from(["found", "clear", "inconclusive"]),
    message=TEXTS,
    files=st.lists(TEXTS.filter(bool), max_size=3).map(tuple),
    evidence=EVIDENCE,
    severity=st.sampled_from(SEVERITIES),
)
AUDITS = st.one_of(
    st.builds(
        Audit,
        name=st.sampled_from(["user/model", "other/model"]) | TEXTS.filter(bool),
        commit=st.none() | st.just(COMMIT),
        base=st.none() | st.builds(Base, TEXTS, st.none() | st.just(COMMIT), TEXTS),
        seed=st.integers(0, 2**32),
        ran=st.sampled_from([("metadata",), STAGES]),
        findings=st.lists(FINDINGS, max_size=5).map(tuple),
        fetched=st.just({"model": 1}),
    ),
    st.builds(Audit, name=TEXTS.filter(bool), error=st.builds(HubError, TEXTS, hint=TEXTS)),
)
