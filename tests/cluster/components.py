"""The components' command lines, and how to ask each whether it is ready.

Order matters: it is the order of starting, and reversed the order of stopping.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.cluster import settings
from tests.cluster.configs import SERVER
from tests.cluster.paths import Paths, Runtime
from tests.cluster.pki import Pki
from tests.cluster.shell import find_program

PROBE_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Launch:
    """How a component is started, and the question that it answers with True once it does its work."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], bool]


def launches(paths: Paths, runtime: Runtime, pki: Pki) -> tuple[Launch, ...]:
    """Return all components in the order of their start."""
    return (
        Launch("etcd", _etcd(paths, pki), lambda: accepts("127.0.0.1", settings.ETCD_PORT)),
        Launch("containerd", _containerd(paths), lambda: accepts_unix(runtime.containerd_socket)),
        Launch("kube-apiserver", _apiserver(paths, pki), lambda: api_is_ready(pki)),
        Launch("kube-controller-manager", _controllers(paths, pki), lambda: accepts("127.0.0.1", 10257)),
        Launch("kube-scheduler", _scheduler(paths), lambda: accepts("127.0.0.1", 10259)),
        Launch("kubelet", _kubelet(paths, runtime), lambda: answers_ok(settings.KUBELET_HEALTH_PORT, "healthz")),
        Launch("kube-proxy", _proxy(paths), lambda: answers_ok(settings.PROXY_HEALTH_PORT, "healthz")),
        Launch("coredns", _coredns(paths), lambda: answers_ok(settings.DNS_READY_PORT, "ready")),
    )


NAMES = (
    "etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
    "coredns",
)  # fmt: skip


def api_is_ready(pki: Pki) -> bool:
    """Tell whether the API server answers /readyz with 200."""
    with _direct_session() as session:
        answer = session.get(
            f"{SERVER}/readyz",
            verify=str(pki.certificate("ca")),
            cert=(str(pki.certificate("admin")), str(pki.key("admin"))),
            timeout=PROBE_TIMEOUT_SECONDS,
        )
    return answer.ok


def answers_ok(port: int, path: str) -> bool:
    with _direct_session() as session:
        return session.get(f"http://127.0.0.1:{port}/{path}", timeout=PROBE_TIMEOUT_SECONDS).ok


def accepts(host: str, port: int) -> bool:
    with socket.create_connection((host, port), timeout=PROBE_TIMEOUT_SECONDS):
        return True


def accepts_unix(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(PROBE_TIMEOUT_SECONDS)
        client.connect(str(path))
        return True


def _direct_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy has no way to our loopback or bridge
    return session


def _etcd(paths: Paths, pki: Pki) -> tuple[str, ...]:
    client = f"https://127.0.0.1:{settings.ETCD_PORT}"
    peer = f"http://127.0.0.1:{settings.ETCD_PEER_PORT}"
    return (
        str(paths.bin / "etcd"),
        f"--data-dir={paths.etcd}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--cert-file={pki.certificate('etcd')}",
        f"--key-file={pki.key('etcd')}",
        f"--trusted-ca-file={pki.certificate('ca')}",
        "--client-cert-auth",
        "--unsafe-no-fsync",  # the cluster is thrown away; slow disks would only make its tests flaky
        "--log-level=warn",
    )


def _containerd(paths: Paths) -> tuple[str, ...]:
    program = find_program("containerd")
    return (str(program or "containerd"), "--config", str(paths.config / "containerd.toml"))


def _apiserver(paths: Paths, pki: Pki) -> tuple[str, ...]:
    return (
        str(paths.bin / "kube-apiserver"),
        f"--etcd-servers=https://127.0.0.1:{settings.ETCD_PORT}",
        f"--etcd-cafile={pki.certificate('ca')}",
        f"--etcd-certfile={pki.certificate('apiserver-etcd')}",
        f"--etcd-keyfile={pki.key('apiserver-etcd')}",
        f"--bind-address={settings.NODE_IP}",
        f"--advertise-address={settings.NODE_IP}",
        f"--secure-port={settings.API_PORT}",
        f"--service-cluster-ip-range={settings.SERVICE_CIDR}",
        f"--client-ca-file={pki.certificate('ca')}",
        f"--tls-cert-file={pki.certificate('apiserver')}",
        f"--tls-private-key-file={pki.key('apiserver')}",
        f"--service-account-key-file={pki.service_account_public_key}",
        f"--service-account-signing-key-file={pki.key('sa')}",
        f"--service-account-issuer=https://kubernetes.default.svc.{settings.DNS_DOMAIN}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--kubelet-client-certificate={pki.certificate('apiserver-kubelet')}",
        f"--kubelet-client-key={pki.key('apiserver-kubelet')}",
        f"--kubelet-certificate-authority={pki.certificate('ca')}",
        "--kubelet-preferred-address-types=InternalIP",  # nothing outside the cluster resolves the node's name
        f"--requestheader-client-ca-file={pki.certificate('ca')}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki.certificate('front-proxy')}",
        f"--proxy-client-key-file={pki.key('front-proxy')}",
        f"--audit-policy-file={paths.config / 'audit.yaml'}",
        f"--audit-log-path={paths.audit_log}",
        "--audit-log-maxsize=100",
        "--audit-log-maxbackup=1",
    )


def _controllers(paths: Paths, pki: Pki) -> tuple[str, ...]:
    own = paths.component_kubeconfig("kube-controller-manager")
    return (
        str(paths.bin / "kube-controller-manager"),
        f"--kubeconfig={own}",
        f"--authentication-kubeconfig={own}",
        f"--authorization-kubeconfig={own}",
        "--bind-address=127.0.0.1",
        f"--service-account-private-key-file={pki.key('sa')}",
        f"--root-ca-file={pki.certificate('ca')}",
        "--use-service-account-credentials",
        f"--cluster-signing-cert-file={pki.certificate('ca')}",
        f"--cluster-signing-key-file={pki.key('ca')}",
        "--allocate-node-cidrs",
        f"--cluster-cidr={settings.POD_CIDR}",
        "--leader-elect=false",  # there is one; a restart need not wait for a lease
    )


def _scheduler(paths: Paths) -> tuple[str, ...]:
    own = paths.component_kubeconfig("kube-scheduler")
    return (
        str(paths.bin / "kube-scheduler"),
        f"--kubeconfig={own}",
        f"--authentication-kubeconfig={own}",
        f"--authorization-kubeconfig={own}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    )


def _kubelet(paths: Paths, runtime: Runtime) -> tuple[str, ...]:
    return (
        str(paths.bin / "kubelet"),
        f"--config={paths.config / 'kubelet.yaml'}",
        f"--kubeconfig={paths.component_kubeconfig('kubelet')}",
        f"--hostname-override={settings.NODE_NAME}",
        f"--node-ip={settings.NODE_IP}",
        f"--root-dir={runtime.kubelet}",
        f"--cert-dir={paths.root / 'kubelet-pki'}",
    )


def _proxy(paths: Paths) -> tuple[str, ...]:
    return (
        str(paths.bin / "kube-proxy"),
        f"--kubeconfig={paths.component_kubeconfig('kube-proxy')}",
        f"--hostname-override={settings.NODE_NAME}",
        f"--cluster-cidr={settings.POD_CIDR}",
        "--proxy-mode=iptables",
        "--bind-address=0.0.0.0",
        f"--healthz-bind-address=127.0.0.1:{settings.PROXY_HEALTH_PORT}",
        "--metrics-bind-address=127.0.0.1:10249",
        # The rest keeps kube-proxy from changing kernel settings of the machine.
        "--iptables-localhost-nodeports=false",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    )


def _coredns(paths: Paths) -> tuple[str, ...]:
    return (str(paths.bin / "coredns"), f"-conf={paths.config / 'Corefile'}")
