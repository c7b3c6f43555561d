"""Certificates of the webhook, made by `cryptography`: an authority that signs one certificate and forgets its own key.

Nobody can sign a second one in its name, neither who reads the Secret nor the operator itself.
"""

import ipaddress
from collections.abc import Collection
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from backstop.domain.webhook_certificate import BACKDATED, LIFETIME, Certificate
from backstop.ports.webhook import KeyPair

_AUTHORITY: Final = "Backstop admission authority"
_SERVER: Final = "Backstop admission"


class CertificateIssuer:
    """ports.webhook.Issuer on elliptic curve P-256, which every API server knows."""

    def issue(self, names: Collection[str], *, now: datetime) -> KeyPair:
        """Return a new pair for DNS names and addresses, valid from a little before now for 90 days."""
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_name = _name(
            f"{_AUTHORITY} {now:%Y-%m-%d %H:%M:%S}"
        )  # each has a name of its own: two are trusted at once
        root = (
            _begun(root_name, root_name, root_key, now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(root_key, hashes.SHA256())
        )
        leaf = (
            _begun(_name(_SERVER), root_name, key, now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in sorted(names)]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
            .sign(root_key, hashes.SHA256())
        )
        return KeyPair(
            certificate=leaf.public_bytes(serialization.Encoding.PEM),
            key=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            authority=root.public_bytes(serialization.Encoding.PEM),
        )

    def read(self, pair: KeyPair) -> Certificate | None:
        """Return names and times of a pair; None when it cannot be read, or its parts do not belong together."""
        try:
            leaf = x509.load_pem_x509_certificate(pair.certificate)
            root = x509.load_pem_x509_certificate(pair.authority)
            key = serialization.load_pem_private_key(pair.key, password=None)
            leaf.verify_directly_issued_by(root)
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
            return None
        if key.public_key() != leaf.public_key():
            return None
        addresses = (str(address) for address in names.get_values_for_type(x509.IPAddress))
        return Certificate(
            names=frozenset([*names.get_values_for_type(x509.DNSName), *addresses]),
            not_before=leaf.not_valid_before_utc,
            not_after=min(leaf.not_valid_after_utc, root.not_valid_after_utc),
        )


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
