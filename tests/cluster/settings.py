"""Addresses, names and times of the local cluster: chosen once, used by every part of the test bed."""

from typing import Final

NODE_NAME: Final = "node-1"
NODE_BRIDGE: Final = "backstop0"  # carries the node's address and the cluster DNS address
POD_BRIDGE: Final = "bs-cni0"
NODE_IP: Final = "10.111.0.1"
POD_CIDR: Final = "10.244.0.0/16"
NODE_POD_CIDR: Final = "10.244.0.0/24"
SERVICE_CIDR: Final = "10.96.0.0/16"
KUBERNETES_SERVICE_IP: Final = "10.96.0.1"
DNS_IP: Final = "10.96.0.10"
DNS_DOMAIN: Final = "cluster.local"
API_PORT: Final = 6443
ETCD_PORT: Final = 12379  # beside the usual 2379, so that an etcd of the user is left alone
ETCD_PEER_PORT: Final = 12380
DNS_READY_PORT: Final = 18181
PROXY_HEALTH_PORT: Final = 10256
KUBELET_HEALTH_PORT: Final = 10248
CGROUP: Final = "backstop-testbed"  # parent of all pods' cgroups, so that they can be found and removed
CNI_NETWORK: Final = "backstop"
CONTEXT: Final = "backstop-local"
KIND_NAME: Final = "backstop"
PAUSE_IMAGE: Final = "localhost/backstop-pause:1"

READY_TIMEOUT_SECONDS: Final = 90.0  # 5 s on an idle machine; a busy two-core machine needs ten times as much
STOP_TIMEOUT_SECONDS: Final = 5.0  # kube-apiserver waits up to a minute for open watches; after this it is killed
