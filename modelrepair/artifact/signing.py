"""Signatures of a statement by `model-signing`: made with a local key, and checked with its other.

The statement's file is what is signed, as that library signs a model: its own command checks the
signature without us. Both work on a copy of the bytes that were read, so that nothing is checked
which was exchanged meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelrepair.errors import UsageError, one_line
from modelrepair.moving import temporary_folder

SIGNATURE_LIMIT = 1 << 20
"""Bytes of a signature; one has about 1,300."""
_CURVES = "P-256, P-384 or P-521"


def signature_beside(statement: Path) -> Path:
    """Where the signature of a statement lies.

    >>> signature_beside(Path("model-repaired.intoto.json")).name
    'model-repaired.intoto.json.sig'
    """
    return statement.with_name(statement.name + ".sig")


def signature_of(name: str, data: bytes, key: Path) -> bytes:
    """Sign a file's bytes; each signature of the same bytes is another.

    >>> signature_of("a.json", b"{}", Path("key.pem"))  # doctest: +SKIP
    b'{"mediaType":…'

    Args:
        name: of the file, which the signature names.
        data: its bytes.
        key: the PEM file of a private key on an elliptic curve, without a password.

    Raises:
        UsageError: the extra ``sign`` is not installed, or there is no such key.
    """
    with _extra():
        from model_signing.signing import Config
    _readable(key, "--sign-key")
    try:
        config = Config().use_elliptic_key_signer(private_key=key)
    except Exception as error:  # whatever a library makes of a file that is no key
        raise UsageError(
            f"{key.name!r} is no private key that can sign: {one_line(error, 120)}",
            hint=f"give a PEM file with a key on the curve {_CURVES} that has no password: "
            "openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem",
        ) from error
    with _copy(name, data) as (file, signature):
        config.sign(file, signature)
        return signature.read_bytes()


def why_not_signed(name: str, data: bytes, signature: bytes, key: Path) -> str | None:
    """Why a signature is not one of these bytes by this key; None where it is.

    >>> why_not_signed("a.json", b"{}", b"rubbish", Path("public.pem"))  # doctest: +SKIP
    'is no signature: …'

    Args:
        name: of the file.
        data: its bytes.
        signature: what is said to be its signature.
        key: the PEM file of the public key.

    Raises:
        UsageError: the extra ``sign`` is not installed, or there is no such key.
    """
    with _extra():
        from cryptography.exceptions import InvalidSignature
        from model_signing.verifying import Config
    _readable(key, "--public-key")
    try:
        config = Config().use_elliptic_key_verifier(public_key=key)
    except Exception as error:  # whatever a library makes of a file that is no key
        raise UsageError(
            f"{key.name!r} is no public key: {one_line(error, 120)}",
            hint=f"give the signer's PEM file with a key on the curve {_CURVES}; of one's own key: "
            "openssl ec -in KEY.pem -pubout -out PUBLIC.pem",
        ) from error
    with _copy(name, data) as (file, beside):
        beside.write_bytes(signature)
        try:
            config.verify(file, beside)
        except InvalidSignature:
            return f"is not by the key {key.name}"
        except Exception as error:  # a stranger's file, and a parser that checks little
            # The library says how two digests differ at length.
            said = one_line(error, 200)
            if "Key mismatch" in said:
                return f"is not by the key {key.name}"
            if "Signature mismatch" in said:
                return "is that of another statement"
            return f"is no signature: {said or type(error).__name__}"
    return None


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"signatures need a package that is not installed: {error.name}",
            hint='pip install "modelrepair[sign]"',
        ) from None


@contextmanager
def _copy(name: str, data: bytes) -> Iterator[tuple[Path, Path]]:
    """A copy of a file in a folder of its own, and the place of its signature in another."""
    with temporary_folder() as folder:
        file = folder / name
        file.write_bytes(data)
        with temporary_folder() as other:
            yield file, other / "signature"


def _readable(key: Path, option: str) -> None:
    try:
        key.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the key {key.name!r} can't be read: {error.strerror or 'input or output error'}",
            hint=f"name a PEM file with {option}",
        ) from error
