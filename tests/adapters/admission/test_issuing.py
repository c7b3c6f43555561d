"""Certificates, read back by `ssl` and refused when their parts do not belong together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backstop.adapters.admission.issuing import CertificateIssuer
from backstop.domain.webhook_certificate import BACKDATED, LIFETIME

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = ["backstop-webhook.backstop-system.svc", "127.0.0.1"]


@pytest.fixture(scope="module")
def issuer():
    return CertificateIssuer()


@pytest.fixture(scope="module")
def pair(issuer):
    return issuer.issue(NAMES, now=NOW)


def test_what_is_made_can_be_read_back(issuer, pair):
    certificate = issuer.read(pair)
    assert certificate.names == frozenset(NAMES)
    assert certificate.not_before == NOW - BACKDATED
    assert certificate.not_after == NOW + LIFETIME == NOW + timedelta(days=90)


def test_two_authorities_are_never_taken_for_each_other(issuer, pair):
    other = issuer.issue(NAMES, now=NOW + timedelta(days=60))
    assert issuer.read(replace(pair, authority=other.authority)) is None
    assert issuer.read(replace(pair, key=other.key)) is None
    assert issuer.read(replace(pair, certificate=other.certificate)) is None


@pytest.mark.parametrize("part", ["certificate", "key", "authority"])
@pytest.mark.parametrize("damage", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_damaged_part_makes_the_pair_unreadable_and_nothing_fails(issuer, pair, part, damage):
    assert issuer.read(replace(pair, **{part: damage})) is None


def test_the_key_of_the_authority_is_in_none_of_the_parts(pair):
    assert pair.authority.count(b"-----BEGIN") == pair.certificate.count(b"-----BEGIN") == 1
    assert pair.key.count(b"PRIVATE KEY") == 2  # begin and end of the server's own
