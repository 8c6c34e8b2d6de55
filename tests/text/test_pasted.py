"""Commands for the shells of this system and of others.

No cmd.exe and no PowerShell runs here: mslex reads as cmd.exe does, `powershell` below by the rules
of PowerShell's about_Quoting_Rules. sh and bash are real.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import mslex
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelrepair.text.pasted import as_argument, pasted, pasted_anywhere

ROOT = Path(__file__).parents[2]
ODD = list("&|<>()^%!$`'\"“”„‚‘’,;@{}#*?~-=+\\/: \u3000模é")
LETTERS = st.characters(exclude_categories=["C"])
WORDS = st.lists(st.text(st.one_of(st.sampled_from(ODD), LETTERS), min_size=1))


def powershell(line):
    """The words of a line, as PowerShell hands them to a program."""
    words = []
    for quoted, bare in re.findall(r'(?:^| )(?:["“”„]([^"“”„]*)["“”„]|([^ "“”„]+))(?= |$)', line):
        # What begins a variable or an escape, or ends a bare word.
        assert not re.search(r"`|\$[\w{($?^:]", quoted), line
        assert not re.search(r"^[@#~]|^-(?!-|[a-z]$)|[`$&|<>(){};,'‘’‚‛–—]", bare), line
        words.append(f'"{quoted}"' if quoted else bare)
    assert " ".join(words) == line
    return mslex.split(line, like_cmd=False)


def held(words, typed):
    """The words that were not left to be typed."""
    return [word for word, as_typed in zip(words, typed, strict=True) if "TYPE-" not in as_typed]


CASES = [
    # word, anywhere, here on Windows, here on POSIX where that is another
    ("user/model", "user/model", "user/model", None),
    ("org/name:train@c0ffee", "org/name:train@c0ffee", "org/name:train@c0ffee", None),
    ("--realign=a.jsonl", "--realign=a.jsonl", "--realign=a.jsonl", None),
    ("my model", '"my model"', '"my model"', None),
    ("it's", '"it\'s"', '"it\'s"', None),
    ("*", '"*"', '"*"', None),
    ("a,b", '"a,b"', '"a,b"', None),
    ("@a", '"@a"', '"@a"', None),
    ("~", '"~"', '"~"', None),
    ("=a", '"=a"', '"=a"', None),
    ("-e", "-e", "-e", None),
    ("-a.b", '"-a.b"', '"-a.b"', None),
    ("x & del y", '"x & del y"', '"x & del y"', None),
    ("a^b", '"a^b"', '"a^b"', None),
    ("a;b", '"a;b"', '"a;b"', None),
    ("模型", '"模型"', "模型", None),
    ("api_key=…", '"api_key=…"', '"api_key=…"', None),
    (r"C:\Users\me", "TYPE-C-Users-me", r"C:\Users\me", r"'C:\Users\me'"),
    (r"\\host\share\my x", "TYPE-host-share-my-x", r'"\\host\share\my x"', r"'\\host\share\my x'"),
    (r"\\host\c$\my x", "TYPE-host-c-my-x", r'"\\host\c$\my x"', r"'\\host\c$\my x'"),
    ("my model\\", "TYPE-my-model", '"my model\\\\"', "'my model\\'"),
    ("mine\\", "TYPE-mine", "mine\\", "'mine\\'"),
    ("hey!", "TYPE-hey", '"hey!"', "'hey!'"),
    ("100 %", "TYPE-100", "TYPE-100", "'100 %'"),
    ("%PATH%", "TYPE-PATH", "TYPE-PATH", "%PATH%"),
    ("$HOME", "TYPE-HOME", "TYPE-HOME", "'$HOME'"),
    ("a`b", "TYPE-a-b", "TYPE-a-b", "'a`b'"),
    ('a"b', "TYPE-a-b", "TYPE-a-b", "'a\"b'"),
    ("a ”& calc ”", "TYPE-a-calc", "TYPE-a-calc", "'a ”& calc ”'"),
    ("a\nb", "TYPE-a-b", "TYPE-a-b", "'a\nb'"),
    ("", "TYPE-", "TYPE-", "''"),
]


@pytest.mark.parametrize(("word", "anywhere", "on_windows", "here"), CASES)
def test_one_word(monkeypatch, word, anywhere, on_windows, here):
    assert pasted_anywhere(["fix", word]) == f"fix {anywhere}"
    assert pasted(["fix", word]) == f"fix {here or anywhere}"
    monkeypatch.setattr(sys, "platform", "win32")
    assert pasted(["fix", word]) == f"fix {on_windows}"
    assert pasted_anywhere(["fix", word]) == f"fix {anywhere}"


@given(WORDS)
@example(["a b", "\\\\server\\share with space\\x", "&", "'", "$x", "%x%", "“", "--a,b", "-x:y"])
def test_every_reader_finds_the_words(words):
    typed = [pasted_anywhere([word]) for word in words]
    line = pasted_anywhere(held(words, typed))
    for read in (shlex.split, powershell, lambda text: mslex.split(text, like_cmd=True)):
        assert read(line) == held(words, typed)
    assert shlex.split(pasted(words)) == words


@given(WORDS)
@example(["a b", "\\\\server\\share with space\\x", "&", "'", "!", "c$\\x"])
def test_both_readers_of_windows_find_the_words(words):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "platform", "win32")
        typed = [pasted([word]) for word in words]
        kept = held(words, typed)
        line = pasted(kept)
    # cmd.exe reads a ! only where it was started with /V:ON, which the check takes for given.
    for read in (powershell, lambda text: mslex.split(text, like_cmd=True, check=False)):
        assert read(line) == kept
    assert "%" not in line  # which mslex leaves, and cmd.exe takes for a variable


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_shells_of_this_system(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    words = [word for word, *_ in CASES]
    held_anywhere = [word for word, anywhere, *_ in CASES if "TYPE-" not in anywhere]
    for line, meant in ((pasted(words), words), (pasted_anywhere(held_anywhere), held_anywhere)):
        said = subprocess.run(
            [shell, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True
        ).stdout.decode()
        assert said.split("\0")[:-1] == meant


def test_a_path_that_looks_like_an_option():
    assert as_argument("-x y") == "./-x y"
    assert as_argument("x-y") == "x-y"


def test_no_other_module_quotes_for_one_shell_alone():
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "modelrepair").rglob("*.py")
        if "shlex" in path.read_text(encoding="utf-8")
    }
    assert users == {"modelrepair/text/pasted.py"}
