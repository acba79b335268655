"""docs/api.md names every error there is, and limits that are the real ones."""

import re
from pathlib import Path

from limits import parse

from app.api.errors import STATUS_BY_CODE
from app.biomech.quality import FINDINGS
from app.http.problems import UNEXPECTED
from app.http.rate_limits import BAD_KEY_BY_ADDRESS, REQUESTS, UPLOADS

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ROWS = {
    int(status): set(re.findall(r"`(\w+)`", codes))
    for status, codes in re.findall(r"(?m)^\| (\d{3}) \| (.+) \|$", TEXT)
}


def test_errors_when_in_the_table_then_in_the_document_under_their_status() -> None:
    for code, status in STATUS_BY_CODE.items():
        if code != "unreadable_video":  # told under the code of its finding
            assert code in ROWS[status], code
    assert UNEXPECTED.code in ROWS[500]


def test_errors_when_in_the_document_then_real() -> None:
    known = {*STATUS_BY_CODE, *FINDINGS, UNEXPECTED.code}
    known |= {"method_not_allowed", "request_too_large", "range_not_satisfiable"}
    for codes in ROWS.values():
        assert codes - {"Retry"} <= known


def test_limits_when_told_then_as_set() -> None:
    for number, rate in ((120, UPLOADS), (1200, REQUESTS), (30, BAD_KEY_BY_ADDRESS)):
        assert rate.limit == parse(f"{number} per minute")
        assert re.search(rf"\b{number} (uploads|requests|wrong keys) a minute", TEXT)
