"""The gate of published text: paths in every form, secrets of every kind, and what is neither."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.text.published import (
    Private,
    private_to,
    published,
    published_json,
    without_paths,
)

PATHS = [
    ("fix user/model --out=/tmp/x/", "fix user/model --out=x"),
    ("a --b '/x y/z'", "a --b 'z'"),
    ("/home/me/m", "m"),
    ("~/m, /n/o", "m, o"),
    ("~bob/x/y", "y"),
    ("../x/y and ./z", "y and z"),
    ("at:/a/b, not at://a/b, //a/b", "at:b, not at://a/b, b"),
    ('["/a/b", "/c/d"]', '["b", "d"]'),
    ("key=/data/me/x", "key=x"),
    ("/mnt/x/a.py:12: bad", "a.py:12: bad"),
    ("'/mnt/my models/a b'", "'a b'"),
    ('"/mnt/my models/a b"', '"a b"'),
    (r"/data/my\ models/x", "x"),
    ("/content/drive/My Drive/models/m", "m"),
    ("/data/a,b/c, /d/e", "c, e"),
    ("/模型/数据/x", "x"),
    ("(/home/me/x)", "(x)"),
    ("`/data/a`", "`a`"),
    ("file:///x/y.json is old", "y.json is old"),
    ("file://host/x/y", "y"),
    (r"D:\models\mine", "mine"),
    ("D:/models/mine", "mine"),
    (r"C:\Users\A B\m\x.jsonl is old", "x.jsonl is old"),
    ("C:/Users/A B/model", "model"),
    (r'{"a": "C:\\Users\\A B\\m"}', '{"a": "m"}'),
    (r"--base=\\server\share\x y\z", "--base=z"),
    (r"\\\\server\\share\\m", "m"),
    (r"\\?\C:\Users\me\x", "x"),
    ("//server/share/x", "x"),
]


@pytest.mark.parametrize(("text", "expected"), PATHS)
def test_paths_are_shortened_to_their_last_name(text, expected):
    assert without_paths(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/a/b and hf://datasets/a/b@main/c.parquet",
        "and/or 1/2 N/A I/O text/html 2024/01/02 24/7 model.layers.*",
        r"\frac{1}{2} $x/y$ \\ \hline x \\",
        "user/model org/name:config:split@refs/pr/1 self:org/name",
        r"^/a/b$ s/foo/bar/ \d+/\d+ [^/]+",
        "</div><br/> x > 1 / 2, / and //",
        "10:30 a:b C: ratio 1:2",
    ],
)
def test_what_is_no_path_stays(text):
    assert published(text) == text
    assert published(text, theirs=True) == text


def test_of_others_text_only_what_can_be_nothing_but_a_path_is_shortened():
    for text, expected in PATHS:
        if any(root in text for root in ("/home", "/mnt", "/data", "/content", "C:", "\\\\s", "~")):
            assert "Users" not in published(text, theirs=True)
            assert "server" not in published(text, theirs=True)
            assert "drive" not in published(text, theirs=True)
            assert "/mnt" not in published(text, theirs=True)
            assert expected.split(",")[0] in published(text, theirs=True)
    call = "GET /v1/models, then /etc/init.d and /help"
    assert published(call, theirs=True) == call


@given(st.text(alphabet="ab/~ .=\"'C:\\,", max_size=30))
def test_publishing_twice_changes_nothing_more(text):
    # What a validator lets through once, it must let through when the manifest is read again.
    once = published(text)
    assert published(once) == once


TOKENS = [
    "hf_AbCdEfGhIjKlMnOpQrSt",
    "api_org_AbCdEfGhIjKlMnOpQrSt",
    "sk-proj-AbCdEfGhIjKlMnOp_12",
    "sk-ant-api03-AbCdEfGhIjKlMn",
    "ghp_AbCdEfGhIjKlMnOpQrSt12",
    "github_pat_11ABCDEFG0AbCdEfGhIjKl",
    "glpat-AbCdEfGhIjKlMnOpQrSt",
    "xoxb-1234567890-AbCdEfGh",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyAbCdEfGhIjKlMnOpQrStUvWxYz0123456",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("theirs", [False, True])
@pytest.mark.parametrize("form", ["{}", "key={}", "it is '{}'.", '{{"key": "{}"}}', "Bearer {}"])
@pytest.mark.parametrize("token", TOKENS)
def test_no_token_is_published(token, form, theirs):
    shown = published(form.format(token), theirs=theirs)
    assert token[8:] not in shown
    assert "…" in shown


def test_what_a_run_knows_is_taken_out_to_the_letter(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SERVICE_TOKEN", "plainwords-1234")
    odd = tmp_path / "it is (mine)" / "the model"
    private = private_to([odd, "sets/mine.jsonl"], ["tr0ub4dor"], ["Tell me how it is done, now"])
    text = f"read {odd}/config.json with tr0ub4dor; {odd}; plainwords-1234 {Path.home()}/x"
    assert published(text, private) == "read config.json with …; the model; … x"
    assert published(str(Path.cwd() / "sets" / "mine.jsonl"), private) == "mine.jsonl"
    quoted = published("the template says: Tell me how it is done, now or never", private)
    assert quoted == "the template says: …"


def test_keys_of_a_document_stay():
    shown = published_json({"/a/b": ["/c/d", {"n": 1}], "p": Path("/x/y")}, Private())
    assert shown == {"/a/b": ["d", {"n": 1}], "p": "y"}


@pytest.mark.parametrize(
    "part", ["/a", "C:\\", "\\\\a\\", "'/", "~/", " A", "//", "a=", "TOKEN_", "://", "eyJ.", "? "]
)
def test_no_text_takes_long(part):
    for text in (part * 3000, "/a" + part * 3000, "C:\\a" + part * 3000):
        started = time.process_time()
        published(text)
        published(text, theirs=True)
        assert time.process_time() - started < 2
