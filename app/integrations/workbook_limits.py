"""How much a workbook may make its reader do, found out before it is read.

A few kilobytes of a zip can hold millions of empty cells, which cost the reader gigabytes: a workbook is refused by
what it holds, counted by a parser that keeps nothing.
"""

import zipfile
from collections.abc import Iterator
from typing import Any, Final
from xml.parsers import expat

MAX_ENTRIES: Final = 500
MAX_UNPACKED_BYTES: Final = 96 * 1024 * 1024
MAX_ELEMENTS: Final = 1_500_000
"""Of all parts together: 20,000 rows of 25 cells with text of their own, where each takes three."""
MAX_DEPTH: Final = 100
_CHUNK_BYTES: Final = 64 * 1024


class TooMuchError(Exception):
    """The workbook holds more than a roster does."""


def check_amount(archive: zipfile.ZipFile) -> None:
    """Raise `TooMuchError` when there is too much in it; `ExpatError` or what zipfile raises when it is damaged.

    The directory cannot understate: a member is read up to the size it declares and no further.
    """
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise TooMuchError
    count = _Count()
    for entry in entries:
        if entry.filename.endswith((".xml", ".rels")):
            count.add(archive, entry)


class _Count:
    """Elements so far, over all parts."""

    def __init__(self) -> None:
        self._n_elements = 0
        self._depth = 0

    def add(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse  # no program writes one; entities stand there
        self._depth = 0
        for chunk in _chunks(archive, entry):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)

    def _start(self, _name: str, _attributes: object) -> None:
        self._n_elements += 1
        self._depth += 1
        if self._n_elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise TooMuchError

    def _end(self, _name: str) -> None:
        self._depth -= 1

    def _refuse(self, *_declaration: Any) -> None:
        raise TooMuchError


def _chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(entry) as member:
        while chunk := member.read(_CHUNK_BYTES):
            yield chunk
