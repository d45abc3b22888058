"""The local certificate authority, and the endpoint's server certificate.

The authority is created once in the home directory and is trusted by clients that use its `ca.pem` only. Name
constraints (RFC 5280) limit it to the names below, so that a leaked key is of little use.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local_azure.system.files import kept_text, write_atomically

SERVER_NAMES = ("localhost", "*.vault.azure.net", "*.azurecontainerapps.dev", "*.azurecr.io", "ghcr.io")
"""The host names of the endpoint."""
_SERVER_ADDRESSES = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_DOMAINS = (
    *("localhost", "vault.azure.net", "azurecontainerapps.io", "azurecontainerapps.dev"),
    *("redis.azure.net", "redis.cache.windows.net", "azurecr.io", "ghcr.io"),
)
"""The permitted names of the authority: the domains that the emulator serves."""
_NETWORKS = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NAMES = x509.NameConstraints([*map(x509.DNSName, _DOMAINS), *map(x509.IPAddress, _NETWORKS)], None)
_AUTHORITY_LIFE = timedelta(days=3650)
# Some clients refuse a server's certificate that is good for more than 398 days.
_SERVER_LIFE = timedelta(days=390)
_RENEW_BEFORE = timedelta(days=30)
_CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class CertificateAuthority:
    """The certificate authority of a home directory; issues certificates for local servers."""

    certificate: x509.Certificate
    certificate_file: Path
    """The file with the certificate that clients have to trust."""
    key: ec.EllipticCurvePrivateKey
    directory: Path

    def server_context(self, names: Iterable[str] = SERVER_NAMES, label: str = "server") -> ssl.SSLContext:
        """Return a TLS context for a server of these names."""
        certificate_file, key_file = self.server_files(names, label)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate_file, key_file)
        return context

    def server_files(self, names: Iterable[str], label: str) -> tuple[Path, Path]:
        """Return the files of a server's certificate and key; they are reused, and renewed a month before they
        expire."""
        certificate_file, key_file = self.directory / f"{label}.pem", self.directory / f"{label}.key"
        wanted = sorted(names)
        if not self._is_good(certificate_file, key_file, wanted):
            key = ec.generate_private_key(ec.SECP256R1())
            write_atomically(key_file, _private_pem(key), 0o600)
            write_atomically(certificate_file, _pem(self._issue(key, wanted)), 0o644)
        return certificate_file, key_file

    def _is_good(self, certificate_file: Path, key_file: Path, names: list[str]) -> bool:
        try:
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            key = _read_key(key_file.read_text(encoding="utf-8"))
            certificate.verify_directly_issued_by(self.certificate)
            alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except Exception:  # a new certificate replaces any invalid one
            return False
        return (
            certificate.public_key() == key.public_key()
            and sorted(alternative.get_values_for_type(x509.DNSName)) == names
            and certificate.not_valid_after_utc - datetime.now(UTC) > _RENEW_BEFORE
        )

    def _issue(self, key: ec.EllipticCurvePrivateKey, names: list[str]) -> x509.Certificate:
        now = datetime.now(UTC)
        general_names = [*map(x509.DNSName, names), *map(x509.IPAddress, _SERVER_ADDRESSES)]
        return (
            x509.CertificateBuilder()
            .subject_name(_name("Local Azure"))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SKEW)
            .not_valid_after(now + _SERVER_LIFE)
            .add_extension(x509.SubjectAlternativeName(general_names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )


def certificate_authority(home: Path) -> CertificateAuthority:
    """Return the authority of a home directory; create `tls/ca.pem` and `tls/ca.key` (mode 0600) if they are
    missing."""
    directory = home / "tls"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = _read_key(kept_text(directory / "ca.key", lambda: _private_pem(ec.generate_private_key(ec.SECP256R1()))))
    certificate_file = directory / "ca.pem"
    certificate = _kept_authority(certificate_file, key)
    if certificate is None:
        certificate = _self_signed(key)
        write_atomically(certificate_file, _pem(certificate), 0o644)
    return CertificateAuthority(certificate, certificate_file, key, directory)


def _kept_authority(path: Path, key: ec.EllipticCurvePrivateKey) -> x509.Certificate | None:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    try:
        names = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None
    fits = certificate.public_key() == key.public_key() and names == _NAMES
    return certificate if fits and certificate.not_valid_after_utc - datetime.now(UTC) > _SERVER_LIFE else None


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = datetime.now(UTC)
    name = _name("Local Azure Certificate Authority")
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(_NAMES, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _read_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key of the certificate authority is not an elliptic-curve key")
    return key


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
