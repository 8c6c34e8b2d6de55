"""Signatures: this key and these bytes, and nothing else; the library's own command agrees."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelrepair.artifact.signing import signature_beside, signature_of, why_not_signed
from modelrepair.errors import UsageError
from tests.support.signing_keys import write_keys

NAME, DATA = "a.json", b'{"a": 1}\n'


@pytest.fixture
def keys(tmp_path):
    return write_keys(tmp_path)


@pytest.mark.parametrize("curve", ["SECP256R1", "SECP384R1", "SECP521R1"])
def test_a_signature_is_that_of_its_bytes_and_key(tmp_path, curve):
    private, public = write_keys(tmp_path, curve=curve)
    signature = signature_of(NAME, DATA, private)
    assert why_not_signed(NAME, DATA, signature, public) is None
    assert why_not_signed("renamed.json", DATA, signature, public) is None
    assert why_not_signed(NAME, DATA + b" ", signature, public) == "is that of another statement"
    _, other = write_keys(tmp_path, "other", curve)
    assert why_not_signed(NAME, DATA, signature, other) == "is not by the key other.public.pem"


def test_the_command_of_model_signing_says_the_same(tmp_path, keys):
    private, public = keys
    file = tmp_path / NAME
    file.write_bytes(DATA)
    signature_beside(file).write_bytes(signature_of(NAME, DATA, private))
    command = [
        *[sys.executable, "-m", "model_signing", "verify", "key", str(file)],
        *["--signature", str(signature_beside(file)), "--public_key", str(public)],
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, "succeeded" in ended.stdout) == (0, True), ended.stderr
    file.write_bytes(DATA + b" ")
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def forged(signature: bytes, change) -> bytes:
    document = json.loads(signature)
    change(document)
    return json.dumps(document).encode()


def other_bytes(document) -> None:
    """The signed payload is exchanged, so that it names other bytes."""
    envelope = document["dsseEnvelope"]
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload["predicate"]["resources"][0]["digest"] = "0" * 64
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()


@pytest.mark.parametrize(
    "forge",
    [
        lambda signature: b"",
        lambda signature: b"{}",
        lambda signature: b"[" * 100_000,
        lambda signature: b"\xff\xfe",
        lambda signature: forged(signature, lambda it: it.pop("dsseEnvelope")),
        lambda signature: forged(signature, lambda it: it["dsseEnvelope"].update(signatures=[])),
        lambda signature: forged(signature, lambda it: it.update(mediaType="x")),
        lambda signature: forged(signature, other_bytes),
    ],
)
def test_a_forged_signature_is_said_in_one_line(keys, forge):
    private, public = keys
    why = why_not_signed(NAME, DATA, forge(signature_of(NAME, DATA, private)), public)
    assert why and "\n" not in why


def test_what_is_no_key_is_a_line_and_a_hint(tmp_path, keys):
    private, public = keys
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    with_password = tmp_path / "secret.pem"
    with_password.write_bytes(encrypted(private))
    for key in (public, rubbish, with_password, tmp_path / "nowhere.pem", tmp_path):
        with pytest.raises(UsageError, match=key.name) as caught:
            signature_of(NAME, DATA, key)
        assert caught.value.hint
    for key in (private, rubbish, tmp_path / "nowhere.pem"):
        with pytest.raises(UsageError, match=key.name) as caught:
            why_not_signed(NAME, DATA, b"{}", key)
        assert caught.value.hint


def encrypted(private: Path) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    key = form.load_pem_private_key(private.read_bytes(), None)
    hidden = form.BestAvailableEncryption(b"word")
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, hidden)


@pytest.mark.parametrize("missing", ["model_signing", "model_signing.signing"])
def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch, missing):
    for name in [each for each in sys.modules if each.startswith("model_signing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError, match="not installed: model_signing") as caught:
        signature_of(NAME, DATA, Path("key.pem"))
    assert caught.value.hint == 'pip install "modelrepair[sign]"'
