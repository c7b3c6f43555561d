"""Where messages may go: names and addresses, public ones and disguised ones."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.outbound import Outbound, usable

SOME = Outbound(https_hosts=("hooks.example.com", "*.pager.example"), http_hosts=("receiver.shop.svc",))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("hooks.example.com", True),
        ("eu.pager.example", True),
        ("a.b.pager.example", True),
        ("pager.example", False),
        (".pager.example", False),
        ("evilpager.example", False),
        ("hooks.example.com.evil.org", False),
        ("xhooks.example.com", False),
        ("example.com", False),
        ("receiver.shop.svc", False),
        ("", False),
    ],
)
def test_a_host_is_allowed_by_name_or_below_one(host, allowed):
    assert (SOME.host_problem(host, secure=True) is None) is allowed


def test_without_tls_another_list_counts():
    assert SOME.host_problem("receiver.shop.svc", secure=False) is None
    assert "allowedHostsWithoutTls" in SOME.host_problem("hooks.example.com", secure=False)


def test_nothing_is_allowed_by_default_and_the_problem_says_what_to_add():
    problem = Outbound().host_problem("hooks.example.com", secure=True)
    assert problem == (
        "the host hooks.example.com is not allowed; an administrator adds it to the operator's configuration: "
        'notifications: {allowedHosts: ["hooks.example.com"]}'
    )


INSIDE = {
    "loopback": ["127.0.0.1", "127.255.0.9", "::1"],
    "link-local": ["169.254.169.254", "fe80::1"],
    "not a public": [
        "10.0.0.1", "172.16.9.9", "192.168.1.1", "100.64.0.1", "0.0.0.0", "::", "fd00::1", "fc00:ec2::254",
        "240.0.0.1", "255.255.255.255", "64:ff9b:1::a00:1", "fec0::1", "::7f00:1",
        "198.18.0.1", "2001:db8::1", "192.0.2.1",
    ],
    "multicast": ["224.0.0.1", "239.1.1.1", "ff02::1"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "address"), [(kind, a) for kind, some in INSIDE.items() for a in some])
def test_an_address_that_is_not_public_is_refused_by_what_it_is(kind, address):
    problem = Outbound().address_problem(ip_address(address))
    assert kind in problem
    assert "allowedNetworks" in problem


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111"])
def test_a_public_address_is_allowed(address):
    assert Outbound().address_problem(ip_address(address)) is None


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("::ffff:169.254.169.254", id="mapped"),
        pytest.param("64:ff9b::a9fe:a9fe", id="NAT64"),
        pytest.param("2002:a9fe:a9fe::1", id="6to4"),
        pytest.param("2001:0:4136:e378:8000:63bf:5601:5601", id="Teredo"),
    ],
)
def test_an_ipv4_address_inside_of_an_ipv6_address_is_judged_as_what_it_is(address):
    assert "link-local" in Outbound().address_problem(ip_address(address))


@given(st.ip_addresses(v=4))
def test_a_disguise_changes_nothing(address):
    plain = Outbound().address_problem(address)
    for disguised in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert Outbound().address_problem(ip_address(disguised)) == plain


@given(st.ip_addresses())
def test_what_the_administrator_lists_is_allowed_whatever_it_is(address):
    listed = Outbound(networks=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert listed.address_problem(address) is None


def test_a_listed_network_allows_itself_and_no_more():
    listed = Outbound(networks=(ip_network("10.20.0.0/16"),))
    assert listed.address_problem(ip_address("10.20.255.1")) is None
    assert listed.address_problem(ip_address("::ffff:10.20.255.1")) is None
    assert listed.address_problem(ip_address("10.21.0.1")) is not None


def test_of_a_name_with_several_addresses_the_allowed_ones_are_usable():
    inside, outside = ip_address("10.0.0.1"), ip_address("1.1.1.1")
    assert usable([inside, outside], Outbound()) == ([outside], None)
    allowed, problem = usable([inside], Outbound())
    assert allowed == []
    assert "10.0.0.1" in problem
    assert usable([], Outbound()) == ([], "the name has no address")
