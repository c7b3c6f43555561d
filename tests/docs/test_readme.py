"""The first page: what it shows is what there is."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from tests.cluster.paths import REPOSITORY
from tests.docs.pages import blocks_of, links, prose, text_of

README = REPOSITORY / "README.md"
EXAMPLE = REPOSITORY / "manifests" / "examples" / "slo-availability.yaml"


def helm_commands(page: Path) -> list[str]:
    shell = "\n".join(block.text.replace("\\\n", " ") for block in blocks_of(page, "console"))
    return re.findall(r"^\$ (helm upgrade .+)$", shell, re.MULTILINE)


def test_the_example_slo_is_the_file_that_the_demo_applies():
    shown = next(block for block in blocks_of(README, "yaml") if "kind: SLO" in block.text)
    assert shown.text == EXAMPLE.read_text(encoding="utf-8")


def test_every_field_of_the_example_is_explained():
    spec = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["spec"]
    explained = prose(README).split("\n## The example, line by line\n")[1].split("\n## ")[0]
    assert [field for field in spec if f"`{field}" not in explained] == []


def test_the_two_commands_are_the_first_that_a_reader_is_given():
    typed = [line for block in blocks_of(README, "console") for line in block.text.splitlines() if line[:2] == "$ "]
    asked = [re.sub(r" *#.*", "", line) for line in typed if line != typed[0]]  # the first is that of the recording
    assert (typed[0], *asked[:2]) == ("$ make demo", "$ make demo", "$ make test")


def test_the_helm_command_is_one_that_helm_and_the_chart_take():
    (command,) = helm_commands(README)
    words = shlex.split(command)
    assert words[:3] == ["helm", "upgrade", "--install"]
    rest = [word for word in words[3:] if word != "--create-namespace"]
    helm = Path(sys.executable).parent / "helm"
    done = subprocess.run([helm, "template", *rest], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    deployment = next(o for o in yaml.safe_load_all(done.stdout) if o and o["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    built = re.search(r"docker build --tag (\S+)", text_of(README))
    assert built is not None
    assert container["image"] == built[1]
    configured = next(o for o in yaml.safe_load_all(done.stdout) if o and o["kind"] == "ConfigMap")
    assert "http://prometheus.monitoring:9090" in configured["data"]["config.yaml"]


def test_the_kubernetes_that_is_needed_is_the_one_that_the_chart_asks_for():
    chart = yaml.safe_load((REPOSITORY / "charts" / "backstop" / "Chart.yaml").read_text(encoding="utf-8"))
    told = re.search(r"Kubernetes (\d+\.\d+) or newer", text_of(README))
    assert told is not None
    assert chart["kubeVersion"] == f">={told[1]}.0-0"


def test_what_is_not_there_yet_is_named():
    status = prose(README).split("\n## Where the rest stands\n")[1].split("\n## ")[0]
    later = (
        "AlertPolicy", "Incident", "NotificationChannel", "Runbook", "Release", "ActionClass", "MaintenanceWindow",
        "calendar", "Timeslices", "composite", "groupBy", "checkpoint", "replay", "minimumEvents",
    )  # fmt: skip
    assert [word for word in later if word not in status] == []


def test_it_leads_to_every_kind_of_page():
    targets = links(README)
    for path in ("docs/index.md", "docs/architecture.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/how-to/install.md"):
        assert path in targets
