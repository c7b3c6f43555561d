"""The configuration files of the components, as pure functions of paths and settings; `write_all` puts them down."""

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import settings
from tests.cluster.paths import Paths, Runtime
from tests.cluster.pki import Pki

SERVER = f"https://{settings.NODE_IP}:{settings.API_PORT}"
CLIENTS = ("admin", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "coredns")
READ_ONLY_VERBS = ("get", "list", "watch")


def kubeconfig(pki: Pki, user: str, server: str = SERVER) -> dict[str, Any]:
    """Return a kubeconfig with everything embedded, so that the file can be copied anywhere."""

    def encoded(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": settings.CONTEXT,
        "contexts": [{"name": settings.CONTEXT, "context": {"cluster": settings.CONTEXT, "user": user}}],
        "clusters": [
            {
                "name": settings.CONTEXT,
                "cluster": {"server": server, "certificate-authority-data": encoded(pki.certificate("ca"))},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": encoded(pki.certificate(user)),
                    "client-key-data": encoded(pki.key(user)),
                },
            }
        ],
    }


def audit_policy() -> dict[str, Any]:
    """Return a policy that records who changed what, and neither reads nor bodies."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "None", "verbs": list(READ_ONLY_VERBS)}, {"level": "Metadata"}],
    }


def kubelet_config(paths: Paths, runtime: Runtime, pki: Pki) -> dict[str, Any]:
    """Return the kubelet's configuration. Every default path outside `.cluster` and the runtime folder is replaced."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": settings.NODE_IP,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": settings.KUBELET_HEALTH_PORT,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki.certificate("kubelet")),
        "tlsPrivateKeyFile": str(pki.key("kubelet")),
        "clusterDNS": [settings.DNS_IP],
        "clusterDomain": settings.DNS_DOMAIN,
        "resolvConf": str(paths.config / "resolv.conf"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{settings.CGROUP}",
        "failCgroupV1": False,  # machines with cgroup v1 still exist; Kubernetes 1.34 warns, later ones refuse
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{runtime.containerd_socket}",
        "volumePluginDir": str(paths.root / "volume-plugins"),
        "podLogsDir": str(paths.pod_logs),
        # A developer's full disk must not evict the pods of a test; running out of memory still does.
        "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%", "memory.available": "100Mi"},
        "imageGCHighThresholdPercent": 100,  # loaded images come from no registry, so none may be collected
        "registryPullQPS": 0,
        "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "5s",  # tests of node failures wait for the first missed update
        "syncFrequency": "10s",
    }


def containerd_config(paths: Paths, runtime: Runtime, cni_plugins: Path, snapshotter: str) -> str:
    """Return containerd's configuration (TOML; quoting by JSON, whose strings are TOML strings)."""
    quote = json.dumps
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = {quote(str(paths.containerd))}
state = {quote(str(runtime.containerd_state))}

[grpc]
address = {quote(str(runtime.containerd_socket))}

[{cri}]
sandbox_image = {quote(settings.PAUSE_IMAGE)}
# Without CAP_SYS_RESOURCE, as in some containers and small virtual machines, runc cannot lower oom_score_adj and fails.
restrict_oom_score_adj = true
# All pods' network namespaces lie below our state folder, so that `down` finds them.
netns_mounts_under_state_dir = true

[{cri}.cni]
bin_dir = {quote(str(cni_plugins))}
conf_dir = {quote(str(paths.cni / "net.d"))}

[{cri}.containerd]
snapshotter = {quote(snapshotter)}
"""


def cni_network(paths: Paths) -> dict[str, Any]:
    """Return the pod network: one bridge, addresses by node, and masquerading for what leaves it."""
    return {
        "cniVersion": "1.0.0",
        "name": settings.CNI_NETWORK,
        "plugins": [
            {
                "type": "bridge",
                "bridge": settings.POD_BRIDGE,
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(paths.cni / "addresses"),
                    "ranges": [[{"subnet": settings.NODE_POD_CIDR}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def corefile(kubeconfig_path: Path) -> str:
    """Return CoreDNS's configuration: it serves the cluster's names, and refuses all others at once.

    Nothing is forwarded: a test bed that answers for the outside world would send traffic there.
    """
    return f"""{settings.DNS_DOMAIN}:53 in-addr.arpa:53 ip6.arpa:53 {{
    bind {settings.DNS_IP}
    errors
    ready 127.0.0.1:{settings.DNS_READY_PORT}
    kubernetes {settings.DNS_DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig "{kubeconfig_path}" {settings.CONTEXT}
        pods insecure
        ttl 5
    }}
}}
"""


def write_all(paths: Paths, runtime: Runtime, pki: Pki, *, cni_plugins: Path, snapshotter: str) -> None:
    """Write every file that the components read."""
    for directory in (paths.config, paths.cni / "net.d", paths.pod_logs):
        directory.mkdir(parents=True, exist_ok=True)
    for client in CLIENTS:
        _write_secret(paths.component_kubeconfig(client), yaml.safe_dump(kubeconfig(pki, client), sort_keys=False))
    (paths.config / "audit.yaml").write_text(yaml.safe_dump(audit_policy(), sort_keys=False))
    (paths.config / "kubelet.yaml").write_text(yaml.safe_dump(kubelet_config(paths, runtime, pki), sort_keys=False))
    (paths.config / "containerd.toml").write_text(containerd_config(paths, runtime, cni_plugins, snapshotter))
    (paths.config / "Corefile").write_text(corefile(paths.component_kubeconfig("coredns")))
    (paths.config / "resolv.conf").write_text(f"nameserver {settings.DNS_IP}\n")
    (paths.cni / "net.d" / "10-backstop.conflist").write_text(json.dumps(cni_network(paths), indent=2))


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
