"""Parts of a file: the `Range` header of RFC 9110, one range at a time."""

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)
_MAX_DIGITS = 18


class RangeNotSatisfiableError(Exception):
    """The range starts behind the end of the file."""

    def __init__(self, size: int) -> None:
        """Keep the size, which the answer must name."""
        super().__init__(f"no such range in {size} bytes")
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes start to end of a file, the end exclusive."""

    start: int
    end: int


def find_range(header: str | None, *, size: int) -> ByteRange | None:
    """Return the range asked for; None when the whole file is to be sent.

    A header that is not understood, or that asks for several ranges, is ignored, as RFC 9110 allows.
    """
    match = _ONE_RANGE.fullmatch(header) if header else None
    if match is None:
        return None
    first, last = match.groups()
    if max(len(first), len(last)) > _MAX_DIGITS or not (first or last):
        return None
    if not first:
        return _suffix(int(last), size=size)
    start, end = int(first), min(int(last) + 1 if last else size, size)
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiableError(size)
    return ByteRange(start=start, end=end)


def _suffix(length: int, *, size: int) -> ByteRange:
    """Return the last bytes of the file."""
    if length == 0 or size == 0:
        raise RangeNotSatisfiableError(size)
    return ByteRange(start=max(0, size - length), end=size)
