"""Steady load for the checkout: a bounded rate for a bounded time, and only to addresses inside a cluster or machine.

Set by environment: TARGET (URL), RATE (requests a second), SECONDS. Each request has its own connection, so that it
goes to a pod that the Service selects at that moment. Ends by itself, with a line of JSON that says what it saw.
"""

import asyncio
import ipaddress
import json
import os
import socket
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

import aiohttp

MAX_RATE, MAX_SECONDS, MAX_IN_FLIGHT = 200.0, 3600.0, 400
TIMEOUT_SECONDS = 10.0


def bounded(name: str, default: str, limit: float) -> float:
    """Return a positive number from the environment. Raises ValueError when it is none, or beyond the limit."""
    value = float(os.environ.get(name, default))
    if not 0 < value <= limit:
        raise ValueError(f"{name}={value:g} must be more than 0 and at most {limit:g}")
    return value


def assert_private(target: str) -> None:
    """Raise ValueError unless every address of the target is private: load must never leave the test cluster."""
    host = urlsplit(target).hostname or ""
    for *_, address in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP):
        if not ipaddress.ip_address(address[0]).is_private:
            raise ValueError(f"{host} resolves to {address[0]}, which is no private address: no load is sent there")


async def load(target: str, *, rate: float, seconds: float) -> Counter[str]:
    """Send `rate` requests a second for `seconds`; return how many ended in which way."""
    seen: Counter[str] = Counter()
    slots = asyncio.Semaphore(MAX_IN_FLIGHT)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)

    async def once(session: aiohttp.ClientSession) -> None:
        try:
            async with session.post(target) as answer:
                await answer.read()
                seen[str(answer.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            seen[type(error).__name__] += 1
        finally:
            slots.release()

    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as tasks:
        started = time.monotonic()
        for number in range(int(rate * seconds)):
            # By the schedule, not by a fixed pause: what one request is late the next is not.
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            await slots.acquire()
            tasks.create_task(once(session))
    return seen


def main() -> int:
    target = os.environ.get("TARGET", "http://checkout/checkout")
    try:
        rate, seconds = bounded("RATE", "40", MAX_RATE), bounded("SECONDS", "600", MAX_SECONDS)
        assert_private(target)
    except (ValueError, OSError) as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asyncio.run(load(target, rate=rate, seconds=seconds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
