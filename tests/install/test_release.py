"""Which image the chart is told to use."""

import pytest

from tests.cluster.errors import ClusterError
from tests.install.release import NAMESPACE, image_values, namespace_object


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("localhost/backstop:0.1.0", {"repository": "localhost/backstop", "tag": "0.1.0"}),
        ("registry.example:5000/backstop:1", {"repository": "registry.example:5000/backstop", "tag": "1"}),
        ("registry.example/backstop@sha256:ab", {"repository": "registry.example/backstop", "digest": "sha256:ab"}),
    ],
)
def test_an_image_is_named_by_tag_or_digest(name, image):
    assert image_values(name) == {"image": image}


@pytest.mark.parametrize("name", ["backstop", "registry.example:5000/backstop"])
def test_an_image_without_a_tag_is_refused(name):
    with pytest.raises(ClusterError, match="has no tag"):
        image_values(name)


def test_the_operator_is_installed_where_only_restricted_pods_may_run():
    metadata = namespace_object()["metadata"]
    assert metadata["name"] == NAMESPACE
    assert metadata["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
