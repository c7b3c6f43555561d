"""The docker call. What it does needs an engine, which the machines that run these tests may lack."""

from pathlib import Path

from tests.image.docker import build_command


def test_secrets_are_passed_as_secrets_and_the_base_only_when_one_is_named():
    command = build_command(
        Path("checkout"), name="localhost/backstop:1", secrets={"pip.conf": Path("pip.conf")}, base=None
    )
    assert command == [
        "docker", "build", "--network", "host", "--tag", "localhost/backstop:1",
        "--secret", "id=pip.conf,src=pip.conf", "checkout",
    ]  # fmt: skip


def test_a_named_base_replaces_the_default_of_the_dockerfile():
    command = build_command(Path("checkout"), name="n:1", secrets={}, base="mirror.example/python:3.12-slim")
    assert command[-3:] == ["--build-arg", "BASE=mirror.example/python:3.12-slim", "checkout"]
