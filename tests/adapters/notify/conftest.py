"""A receiver with TLS of an authority of its own, and a notifier that trusts it."""

import ssl
from ipaddress import ip_address

import pytest
import trustme

from backstop.adapters.clock import SystemClock
from backstop.adapters.notify.webhook import WebhookNotifier
from backstop.domain.notification_channel import NotificationChannel, SecretKey, Webhook
from backstop.domain.outbound import Outbound
from backstop.domain.slo import Uid
from tests.adapters.notify.receiver import KEY, LOOPBACK, Receiver
from tests.fakes.secrets import StoredSecrets

HOST = "hooks.example.com"


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def receiver(authority):
    """A receiver for https://hooks.example.com."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    receiver = Receiver()
    await receiver.start(context)
    yield receiver
    await receiver.stop()


@pytest.fixture
async def plain_receiver():
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
def secrets():
    return StoredSecrets({("shop", "incident-webhook", "signing-key"): KEY})


@pytest.fixture
def a_notifier(secrets, trusting):
    """Return a notifier to which every name leads to `address`."""

    def make(*, address="127.0.0.1", outbound=None, tls=trusting, resolve=None):
        allowed = outbound or Outbound(https_hosts=(HOST,), http_hosts=(HOST,), networks=(LOOPBACK,))

        async def answer(host, port):
            return [ip_address(address)]

        return WebhookNotifier(
            secrets, outbound=lambda: allowed, clock=SystemClock(), resolve=resolve or answer, tls=tls
        )

    return make


@pytest.fixture
def a_channel():
    def make(port, *, host=HOST, scheme="https", path="/incidents", timeout=10.0, **headers):
        webhook = Webhook(
            url=f"{scheme}://{host}:{port}{path}",
            host=host,
            secure=scheme == "https",
            signing_key=SecretKey(name="incident-webhook", key="signing-key"),
            timeout_seconds=timeout,
            headers=headers,
        )
        return NotificationChannel(
            uid=Uid("uid-oncall"), namespace="shop", name="oncall", generation=1, webhook=webhook
        )

    return make
