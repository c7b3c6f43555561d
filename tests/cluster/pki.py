"""The cluster's certificate authority, certificates and service-account key: made anew for every fresh cluster."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.cluster.settings import KUBERNETES_SERVICE_IP, NODE_IP, NODE_NAME

VALID_FOR = dt.timedelta(days=365)  # longer than anybody keeps a test cluster
VALID_SINCE = dt.timedelta(hours=1)  # tolerates a clock that is set back a little


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate is for: user name, groups, and the names and addresses it serves on."""

    name: str
    common_name: str
    groups: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


IDENTITIES = (
    Identity(
        "apiserver",
        "kube-apiserver",
        dns_names=(
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "localhost",
        ),
        addresses=("127.0.0.1", KUBERNETES_SERVICE_IP, NODE_IP),
    ),
    Identity("admin", "backstop-admin", groups=("system:masters",)),
    Identity("apiserver-kubelet", "kube-apiserver-kubelet-client", groups=("system:masters",)),
    Identity("etcd", "etcd", dns_names=("localhost",), addresses=("127.0.0.1",)),
    Identity("apiserver-etcd", "kube-apiserver-etcd-client"),
    Identity("kube-controller-manager", "system:kube-controller-manager"),
    Identity("kube-scheduler", "system:kube-scheduler"),
    Identity(
        "kubelet",
        f"system:node:{NODE_NAME}",
        groups=("system:nodes",),
        dns_names=(NODE_NAME,),
        addresses=(NODE_IP,),
    ),
    Identity("kube-proxy", "system:kube-proxy"),
    Identity("coredns", "backstop-coredns"),
    Identity("front-proxy", "front-proxy-client"),
)


class Pki:
    """Files NAME.crt and NAME.key for every identity, ca.crt, ca.key, sa.key and sa.pub below `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def certificate(self, name: str) -> Path:
        return self._directory / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self._directory / f"{name}.key"

    @property
    def service_account_public_key(self) -> Path:
        return self._directory / "sa.pub"

    def create(self, identities: Sequence[Identity] = IDENTITIES) -> None:
        """Write all files; what was there is replaced."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = _authority(authority_key)
        self._write("ca", authority_key, authority)
        for identity in identities:
            key = ec.generate_private_key(ec.SECP256R1())
            self._write(identity.name, key, _issue(identity, key, authority, authority_key))
        account = rsa.generate_private_key(public_exponent=65537, key_size=2048)  # RS256: every verifier knows it
        _write_private(self.key("sa"), _private_pem(account))
        self.service_account_public_key.write_bytes(
            account.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

    def _write(self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        _write_private(self.key(name), _private_pem(key))
        self.certificate(name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "backstop-testbed-ca")])
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        _dated(x509.CertificateBuilder())
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _issue(
    identity: Identity,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in identity.groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, identity.common_name))
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in identity.dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in identity.addresses]
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    builder = (
        _dated(x509.CertificateBuilder())
        .subject_name(x509.Name(subject))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def _dated(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(now - VALID_SINCE)
        .not_valid_after(now + VALID_FOR)
    )


def _private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)
