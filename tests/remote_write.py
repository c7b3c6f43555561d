"""Prometheus remote write 1.0, as much as tests need: one series with float samples or native histograms.

Written by hand because no packaged encoder exists without a protobuf compiler and a snappy build.
Message definitions: prompb/remote.proto and prompb/types.proto of Prometheus; https://prometheus.io/docs/specs/prw/
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_LITERAL_LIMIT: Final = 65_536  # the longest snappy literal with a two-byte length


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeHistogram:
    """An integer native histogram with positive buckets. Bucket i holds (2^((i-1)/2^schema), 2^(i/2^schema)]."""

    buckets: Mapping[int, int]  # bucket index to count, not cumulative
    total: float = 0.0  # sum of observations
    schema: int = 0  # with 0 the bounds are powers of two: … 0.25, 0.5, 1, 2 …
    zeros: int = 0

    @property
    def count(self) -> int:
        return self.zeros + sum(self.buckets.values())


def encode_write_request(labels: Mapping[str, str], samples: Iterable[tuple[float, float | NativeHistogram]]) -> bytes:
    """Return the compressed body of a write request; times are unix seconds."""
    series = b"".join(
        _bytes(1, _bytes(1, name.encode()) + _bytes(2, value.encode())) for name, value in sorted(labels.items())
    )
    for at, value in samples:
        milliseconds = round(at * 1000)
        if isinstance(value, NativeHistogram):
            series += _bytes(4, _histogram(value, milliseconds))
        else:
            series += _bytes(2, _double(1, value) + _integer(2, milliseconds))
    return _snappy(_bytes(1, series))


def _histogram(histogram: NativeHistogram, milliseconds: int) -> bytes:
    indices = sorted(histogram.buckets)
    counts = [histogram.buckets[index] for index in indices]
    spans = b""
    position = 0  # the index after the span before; the first offset counts from index 0
    for index in indices:  # one span per bucket: wordy, and valid
        spans += _bytes(11, _integer(1, _zigzag(index - position)) + _integer(2, 1))
        position = index + 1
    deltas = b"".join(_varint(_zigzag(now - before)) for before, now in zip([0, *counts], counts, strict=False))
    return (
        _integer(1, histogram.count)
        + _double(3, histogram.total)
        + _integer(4, _zigzag(histogram.schema))
        + _double(5, 1e-128)
        + _integer(6, histogram.zeros)
        + spans
        + _bytes(12, deltas)
        + _integer(15, milliseconds)
    )


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _integer(field: int, number: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(number)


def _double(field: int, number: float) -> bytes:
    return _varint(field << 3 | _FIXED64) + struct.pack("<d", number)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _snappy(content: bytes) -> bytes:
    """Wrap `content` in snappy's block format without compressing it: literals only."""
    out = _varint(len(content))
    for start in range(0, len(content), _LITERAL_LIMIT):
        piece = content[start : start + _LITERAL_LIMIT]
        out += bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
    return out
