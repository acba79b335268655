"""Byte ranges: the cases of RFC 9110 that players and download tools send."""

import pytest

from app.http.ranges import ByteRange, RangeNotSatisfiableError, find_range


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 100),
        ("bytes=10-19", 10, 20),
        ("bytes=90-500", 90, 100),
        ("bytes=-10", 90, 100),
        ("bytes=-1000", 0, 100),
        ("bytes= 5 - 9 ", 5, 10),
    ],
)
def test_range_when_understood_then_start_and_exclusive_end(header: str, start: int, end: int) -> None:
    assert find_range(header, size=100) == ByteRange(start=start, end=end)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "items=0-1",
        "bytes=5-2",
        "bytes=0-1,5-6",
        "bytes=a-b",
        "bytes=" + "9" * 40 + "-",
    ],
)
def test_range_when_not_understood_then_whole_file(header: str | None) -> None:
    assert find_range(header, size=100) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)]
)
def test_range_when_behind_the_end_then_not_satisfiable(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiableError) as refusal:
        find_range(header, size=size)
    assert refusal.value.size == size
