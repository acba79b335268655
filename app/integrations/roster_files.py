"""Roster files, CSV and XLSX: read whatever a club's system wrote, and written so that a spreadsheet opens them well.

A file comes from outside and is not trusted: size, rows and columns are limited, a workbook that would unpack to more
than it may is refused before it is unpacked, formulas are never evaluated.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from typing import Any, Final
from xml.parsers.expat import ExpatError

from app.domain.errors import InvalidInputError
from app.domain.roster_fields import IGNORE, guess_field
from app.integrations.workbook_limits import TooMuchError, check_amount

MAX_FILE_BYTES: Final = 8 * 1024 * 1024
MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 100
MAX_CELL_CHARS: Final = 500
_HEAD_CHARS: Final = MAX_COLUMNS * (MAX_CELL_CHARS + 3)
"""As much of a text is looked at for the delimiter: the longest first line that would be taken."""
_DELIMITERS: Final = ",;\t|"
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class UnreadableRosterError(InvalidInputError):
    """The file is not a roster we can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterTable:
    """A file as text: the first row names the columns, every other is a person."""

    kind: str
    """``csv`` or ``xlsx``."""
    encoding: str
    delimiter: str
    sheet: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """As long as the headers; dates of a workbook are ISO already."""
    row_numbers: tuple[int, ...]
    """Each row's number in the file, as a spreadsheet counts it."""


def read_roster(content: bytes) -> RosterTable:
    """Return a file's table; raise `UnreadableRosterError` with what to do about it."""
    if len(content) > MAX_FILE_BYTES:
        raise _refusal("The file is larger than 8 MB.", "Split it, or leave out columns that are not needed.")
    if content[:4] == b"PK\x03\x04":
        return _read_xlsx(content)
    if content[:8] == bytes.fromhex("d0cf11e0a1b11ae1"):
        raise _refusal("This is an old Excel workbook (.xls).", "Save it as .xlsx or CSV and send that.")
    return _read_csv(content)


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Yield a CSV file, UTF-8 with the mark Excel looks for, every cell guarded."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    for row in (headers, *rows):
        writer.writerow([guard_cell(cell) for cell in row])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def write_xlsx(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a workbook with one sheet of text cells, the first row frozen."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Roster")
    sheet.freeze_panes = "A2"
    for row in (headers, *rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=guard_cell(value))
            cell.data_type = "s"  # text, whatever it begins with
            cells.append(cell)
        sheet.append(cells)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def guard_cell(value: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula; `unguard_cell` takes the guard off.

    A lone `-` stays: it clears a field when the file comes back.
    """
    guarded = value.startswith("'") and value[1:2] in _FORMULA_STARTS and len(value) > 1
    return f"'{value}" if guarded or (value.startswith(_FORMULA_STARTS) and value != "-") else value


def unguard_cell(value: str) -> str:
    """Return the text without the guard."""
    return value[1:] if value.startswith("'") and value[1:2] in (*_FORMULA_STARTS, "'") else value


def _refusal(message: str, how_to_fix: str) -> UnreadableRosterError:
    return UnreadableRosterError(message, how_to_fix=how_to_fix, field="file")


def _read_csv(content: bytes) -> RosterTable:
    encoding, text = _decode(content)
    if "\x00" in text:
        raise _refusal("The file is not text.", "Send a CSV or XLSX file.")
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own way to name it
        text, delimiter, skipped = rest, first.strip()[4], 1
    else:
        delimiter, skipped = _find_delimiter(text), 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    numbered: list[tuple[int, list[str]]] = []
    try:
        for number, row in enumerate(reader, start=1 + skipped):
            numbered.append((number, row))
            if len(numbered) > MAX_ROWS + 1:
                raise _too_many_rows()
    except csv.Error:
        raise _refusal("The file is not a table.", "Save it as CSV or XLSX again and send that.") from None
    return _table(numbered, kind="csv", encoding=encoding, delimiter=delimiter, sheet="")


def _decode(content: bytes) -> tuple[str, str]:
    """Return the encoding and the text: what the mark says, else UTF-16 by its zeros, else UTF-8, else Windows."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return encoding, _decoded(content, encoding)
    head = content[:2000]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) >= 4 and head[start::2].count(0) > len(head) // 3:
            return encoding, _decoded(content, encoding)
    try:
        return "utf-8", content.decode()
    except UnicodeDecodeError:
        return "cp1252", _decoded(content, "cp1252")


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise _refusal("The file's characters cannot be read.", "Save it as CSV UTF-8 or XLSX.") from None


def _find_delimiter(text: str) -> str:
    """Return the delimiter under which the first line holds most headers we know, then most columns."""
    head = text[:_HEAD_CHARS]

    def score(delimiter: str) -> tuple[int, int]:
        try:
            header = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
        except csv.Error:
            return (0, 0)
        return (sum(guess_field(cell) != IGNORE for cell in header), len(header))

    return max(_DELIMITERS, key=score)


def _read_xlsx(content: bytes) -> RosterTable:
    import openpyxl

    _check_zip(content)
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        try:
            sheet = next((each for each in book.worksheets if each.sheet_state == "visible"), None)
            if sheet is None:
                raise _refusal("The workbook has no sheet.", "Put the roster on the first sheet.")
            sheet.reset_dimensions()
            cells = sheet.iter_rows(max_row=MAX_ROWS + 2, max_col=MAX_COLUMNS + 1, values_only=True)
            numbered = [
                (number, [_cell_text(value) for value in row])
                for number, row in enumerate(islice(cells, MAX_ROWS + 2), start=1)
            ]
            title = sheet.title
        finally:
            book.close()
    except UnreadableRosterError:
        raise
    except Exception:  # noqa: BLE001 whatever a damaged workbook makes the library do, the answer is the same
        raise _refusal(
            "The workbook cannot be read.", "Open it, save it again, and send that file."
        ) from None
    if len(numbered) > MAX_ROWS + 1:
        raise _too_many_rows()
    return _table(numbered, kind="xlsx", encoding="", delimiter="", sheet=title)


def _check_zip(content: bytes) -> None:
    """Refuse a workbook by what it holds, before any of it is kept."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            check_amount(archive)
            names = set(archive.namelist())
    except TooMuchError:
        raise _refusal(
            "The workbook is too large once unpacked.", "Copy the roster into a new workbook."
        ) from None
    except (zipfile.BadZipFile, zlib.error, ExpatError, ValueError, NotImplementedError, RuntimeError):
        # cut or changed on its way, no numbers where they belong, packed in a way nobody knows, or under a password
        raise _refusal("The workbook is damaged.", "Open it, save it again, and send that file.") from None
    if "[Content_Types].xml" not in names:
        raise _refusal("This is an archive, not a workbook.", "Send a CSV or XLSX file.")


def _cell_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat()
        case date():
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _table(
    numbered: list[tuple[int, list[str]]], *, kind: str, encoding: str, delimiter: str, sheet: str
) -> RosterTable:
    """Return what follows the first row that is not empty, which names the columns."""
    filled = [(number, row) for number, row in numbered if any(cell.strip() for cell in row)]
    if len(filled) < 2:
        raise _refusal(
            "There is no person in the file.", "The first row names the columns, then one row each."
        )
    headers = [cell.strip() for cell in filled[0][1]]
    while headers and not headers[-1]:
        headers.pop()
    if len(headers) > MAX_COLUMNS:
        raise _refusal(f"The file has more than {MAX_COLUMNS} columns.", "Leave out those not needed.")
    width = len(headers)
    return RosterTable(
        kind=kind,
        encoding=encoding,
        delimiter=delimiter,
        sheet=sheet,
        headers=tuple(header[:MAX_CELL_CHARS] for header in headers),
        rows=tuple(tuple(_padded(row, width)) for _, row in filled[1:]),
        row_numbers=tuple(number for number, _ in filled[1:]),
    )


def _padded(row: list[str], width: int) -> list[str]:
    cells = [cell.strip()[: MAX_CELL_CHARS + 1] for cell in row[:width]]
    return cells + [""] * (width - len(cells))


def _too_many_rows() -> UnreadableRosterError:
    return _refusal(f"The file has more than {MAX_ROWS} rows.", "Send it in parts.")
