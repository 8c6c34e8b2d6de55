"""Pairs of keys that a test signs with; the extra ``sign`` brings what makes them."""

from __future__ import annotations

from pathlib import Path

import pytest


def write_keys(folder: Path, name: str = "key", curve: str = "SECP256R1") -> tuple[Path, Path]:
    """A private key and its public one, as PEM files."""
    pytest.importorskip("model_signing", reason="the extra `sign` is not installed")
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(getattr(ec, curve)())
    private, public = folder / f"{name}.pem", folder / f"{name}.public.pem"
    private.write_bytes(
        key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public
