"""The build reaches the package index the way the machine does, and takes nothing else along."""

from pathlib import Path

import pytest

from tests.image.pip_settings import CA_INSIDE, pip_settings


def carried(listing: str, **environment: str) -> list[str]:
    return pip_settings(listing, environment).configuration.splitlines()


def test_a_machine_without_settings_needs_none():
    assert pip_settings("", {}).configuration == "[global]\n"
    assert pip_settings("", {}).ca is None


def test_index_settings_are_carried():
    listing = "global.index-url='https://mirror.example/simple'\nglobal.trusted-host='mirror.example'\n"
    assert carried(listing) == [
        "[global]",
        "index-url = https://mirror.example/simple",
        "trusted-host = mirror.example",
    ]


def test_the_environment_wins_over_files_and_install_over_global():
    listing = """\
:env:.timeout='3'
global.index-url='https://global.example'
install.index-url='https://install.example'
global.timeout='2'
install.timeout='1'
"""
    assert carried(listing) == ["[global]", "index-url = https://install.example", "timeout = 3"]


def test_settings_of_other_commands_are_not_carried():
    assert carried("download.index-url='https://download.example'\nglobal.no-color='true'\n") == ["[global]"]


def test_several_values_stay_several():
    listing = r"global.extra-index-url='\nhttps://one.example\nhttps://two.example'"
    assert carried(listing) == ["[global]", "extra-index-url = https://one.example https://two.example"]


def test_folders_of_this_machine_mean_nothing_inside_the_build():
    listing = "global.find-links='/opt/wheels https://wheels.example'\n"
    assert carried(listing) == ["[global]", "find-links = https://wheels.example"]
    assert carried("global.find-links='/opt/wheels'\n") == ["[global]"]


@pytest.mark.parametrize("variable", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"])
def test_the_bundle_of_authorities_is_handed_over_as_a_file(tmp_path: Path, variable: str):
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    settings = pip_settings("", {variable: str(bundle)})
    assert settings.ca == bundle
    assert f"cert = {CA_INSIDE}" in settings.configuration.splitlines()
    assert str(tmp_path) not in settings.configuration


def test_a_bundle_that_does_not_exist_is_passed_over(tmp_path: Path):
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    settings = pip_settings("global.cert='/nowhere/bundle.pem'\n", {"SSL_CERT_FILE": str(bundle)})
    assert settings.ca == bundle


def test_a_machine_with_settings_for_uv_alone_is_understood():
    assert carried("", UV_INDEX_URL="https://uv.example") == ["[global]", "index-url = https://uv.example"]
    listing = "global.index-url='https://pip.example'\n"
    assert carried(listing, UV_INDEX_URL="https://uv.example") == ["[global]", "index-url = https://pip.example"]
