import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest

from backstop.domain.time_zone import time_zone


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1", "Asia/Calcutta"]
)
def test_a_zone_is_known_by_its_name(name):
    assert time_zone(name) is ZoneInfo(name)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin or"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("utc", "did you mean UTC?"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("America/New York", "did you mean America/New_York?"),
        ("Europe/Tokyo", "did you mean Asia/Tokyo?"),
        ("Mars/Olympus", "write for example Europe/Berlin or UTC"),
        ("PST", "write for example Europe/Berlin or UTC"),
        ("GMT+1", "write for example Europe/Berlin or UTC"),  # Etc/GMT+1 would be an hour behind UTC
        ("", "write for example Europe/Berlin or UTC"),
    ],
)
def test_a_zone_that_does_not_exist_is_refused_with_what_may_have_been_meant(name, fix):
    with pytest.raises(ValueError, match="is no IANA time zone") as refused:
        time_zone(name)
    assert fix in str(refused.value)


@pytest.mark.parametrize(
    "name", ["localtime", "Factory", "posix/UTC", "right/UTC", "America", "../UTC", "/UTC", "zone.tab"]
)
def test_what_is_a_file_but_no_place_is_refused(name):
    with pytest.raises(ValueError, match="is no IANA time zone"):
        time_zone(name)


def test_a_very_long_name_is_cut_in_the_message():
    with pytest.raises(ValueError, match="is no IANA time zone") as refused:
        time_zone("x" * 10_000)
    assert len(str(refused.value)) < 200


def test_zones_are_known_where_the_system_has_none():
    code = "from backstop.domain.time_zone import time_zone; print(time_zone('Europe/Berlin'))"
    slim = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONTZPATH": ""}, check=True, capture_output=True, text=True
    )
    assert slim.stdout == "Europe/Berlin\n"
