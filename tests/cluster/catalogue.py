"""The programs of the test bed: their versions, their release downloads, and the Go modules that build them.

A component is what is fetched, built and cached as one. Release layouts are those of the projects' own download pages.
"""

import hashlib
import platform
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError

BUILD_MODULES = Path(__file__).resolve().parent / "build"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One release file: plain program, or an archive whose members become programs."""

    url: str
    checksum_url: str  # either the bare digest, or lines of "digest  file name"
    members: dict[str, str] | None = None  # program -> path inside the tar.gz; None: the file is the program
    program: str = ""  # the program's name when `members` is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Programs that share a version. `built` maps what Go calls an output to the program's name."""

    name: str
    version: str
    programs: tuple[str, ...]
    downloads: tuple[Download, ...] = ()
    build_target: str = "tool"  # what `go build` is told to build in the component's module
    ldflags: str = "-s -w"
    built: dict[str, str] | None = None

    @property
    def module(self) -> Path:
        return BUILD_MODULES / self.name

    def cache_key(self) -> str:
        """Return a short digest of everything that decides what the programs are: versions, flags, module files."""
        digest = hashlib.sha256(f"{self.version}\n{self.ldflags}\n{architecture()}\n".encode())
        for file in sorted(self.module.iterdir()):
            if file.name in {"go.mod", "go.sum"} or file.suffix in {".go", ".c"}:
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()[:12]

    def directory_name(self) -> str:
        return f"{self.name}-{self.version}-{self.cache_key()}"


def architecture() -> str:
    """Return the machine's architecture as Go and the release pages call it."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise ClusterError(f"no release or build is known for the architecture {machine}")
    return ARCHITECTURES[machine]


def kubernetes(version: str = "1.34.4") -> Component:
    programs = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
    base = f"https://dl.k8s.io/release/v{version}/bin/linux/{architecture()}"
    major, minor, _patch = version.split(".")
    told = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return Component(
        name="kubernetes",
        version=version,
        programs=programs,
        downloads=tuple(
            Download(url=f"{base}/{name}", checksum_url=f"{base}/{name}.sha256", program=name) for name in programs
        ),
        # Without these, clients and the chart's `Capabilities` see version v0.0.0, and so does the audit log.
        ldflags="-s -w "
        + " ".join(f"-X {package}.{name}={value}" for package in packages for name, value in told.items()),
    )


def prometheus(version: str = "3.15.0") -> Component:
    base = f"https://github.com/prometheus/prometheus/releases/download/v{version}"
    folder = f"prometheus-{version}.linux-{architecture()}"
    programs = ("prometheus", "promtool")
    return Component(
        name="prometheus",
        version=version,
        programs=programs,
        downloads=(
            Download(
                url=f"{base}/{folder}.tar.gz",
                checksum_url=f"{base}/sha256sums.txt",
                members={name: f"{folder}/{name}" for name in programs},
            ),
        ),
        ldflags=f"-s -w -X github.com/prometheus/common/version.Version={version}",
    )


def etcd(version: str = "3.6.16") -> Component:
    base = f"https://github.com/etcd-io/etcd/releases/download/v{version}"
    folder = f"etcd-v{version}-linux-{architecture()}"
    return Component(
        name="etcd",
        version=version,
        programs=("etcd",),
        downloads=(
            Download(
                url=f"{base}/{folder}.tar.gz", checksum_url=f"{base}/SHA256SUMS", members={"etcd": f"{folder}/etcd"}
            ),
        ),
        built={"server": "etcd"},
    )


def coredns(version: str = "1.12.4") -> Component:
    base = f"https://github.com/coredns/coredns/releases/download/v{version}"
    file = f"coredns_{version}_linux_{architecture()}.tgz"
    return Component(
        name="coredns",
        version=version,
        programs=("coredns",),
        downloads=(
            Download(url=f"{base}/{file}", checksum_url=f"{base}/{file}.sha256", members={"coredns": "coredns"}),
        ),
        build_target=".",
    )


def kwok(version: str = "0.7.0") -> Component:
    """Thousands of fake nodes; only on request. Its releases carry no checksum files, so it is always built."""
    return Component(name="kwok", version=version, programs=("kwok",))


def history_writer(version: str = "0.315.0") -> Component:
    """Stores generated histories as blocks; only for tests. A program of ours on the TSDB library of Prometheus."""
    return Component(name="history-writer", version=version, programs=("history-writer",), build_target=".")


def required() -> tuple[Component, ...]:
    """Return the components that every local cluster needs, the longest build first."""
    return (kubernetes(), prometheus(), etcd(), coredns())


def clients() -> tuple[Component, ...]:
    """Return the components of which tests use programs on any kind of cluster; all are small to download."""
    return (kubernetes(), prometheus())


def optional() -> dict[str, Component]:
    """Return the components that are added by name."""
    return {"kwok": kwok()}
