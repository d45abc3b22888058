from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from local_azure.system.certificates import CertificateAuthority, certificate_authority


def _handshake(authority: CertificateAuthority, server: ssl.SSLContext, name: str) -> None:
    """Do a TLS handshake between a server and a client that trusts only the authority."""
    client = ssl.create_default_context(cafile=str(authority.certificate_file))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    ends = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = client.wrap_bio(ends[0], ends[1], server_hostname=name)
    here = server.wrap_bio(ends[1], ends[0], server_side=True)
    for _ in range(4):
        for side in (there, here):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert there.getpeercert()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "kv-dev.vault.azure.net"])
def test_a_client_that_trusts_the_authority_accepts_the_endpoints_names(tmp_path: Path, name: str) -> None:
    authority = certificate_authority(tmp_path)
    _handshake(authority, authority.server_context(), name)


@pytest.mark.parametrize("name", ["example.com", "vault.azure.net", "a.b.vault.azure.net"])
def test_no_other_name_is_accepted(tmp_path: Path, name: str) -> None:
    authority = certificate_authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(authority, authority.server_context(), name)


def test_the_authority_cannot_speak_for_the_rest_of_the_world(tmp_path: Path) -> None:
    authority = certificate_authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        _handshake(authority, authority.server_context(["example.com"], "other"), "example.com")


def test_authority_and_certificate_are_made_once(tmp_path: Path) -> None:
    certificate_authority(tmp_path).server_context()
    kept = {path: path.read_bytes() for path in (tmp_path / "tls").iterdir()}
    certificate_authority(tmp_path).server_context()
    assert {path: path.read_bytes() for path in (tmp_path / "tls").iterdir()} == kept


def test_a_certificate_that_is_spoilt_is_made_anew(tmp_path: Path) -> None:
    authority = certificate_authority(tmp_path)
    authority.server_context()
    (tmp_path / "tls" / "server.pem").write_text("no certificate")
    _handshake(authority, authority.server_context(), "localhost")


def test_a_key_of_another_certificate_is_not_used(tmp_path: Path) -> None:
    authority = certificate_authority(tmp_path)
    authority.server_context()
    other = certificate_authority(tmp_path / "other")
    (tmp_path / "tls" / "server.key").write_bytes(
        other.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    _handshake(authority, authority.server_context(), "localhost")


def test_keys_are_their_owners_alone_and_certificates_do_not_last(tmp_path: Path) -> None:
    certificate_authority(tmp_path).server_context()
    for name in ("ca.key", "server.key"):
        assert (tmp_path / "tls" / name).stat().st_mode & 0o777 == 0o600
    server = x509.load_pem_x509_certificate((tmp_path / "tls" / "server.pem").read_bytes())
    assert (server.not_valid_after_utc - datetime.now(UTC)).days < 398
