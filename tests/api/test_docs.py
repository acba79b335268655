"""docs/api.md names every error there is, and limits that are the real ones."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from limits import parse

from app.api.errors import STATUS_BY_CODE
from app.biomech.quality import FINDINGS
from app.biomech.types import Movement, View
from app.domain.screenings import ScreeningContext
from app.domain.webhooks import WebhookEvent
from app.http.problems import MORE, UNAVAILABLE, UNEXPECTED
from app.http.rate_limits import BAD_KEY_BY_ADDRESS, REQUESTS, UPLOADS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "api.md").read_text()
ROWS = {
    int(status): set(re.findall(r"`(\w+)`", codes))
    for status, codes in re.findall(r"(?m)^\| (\d{3}) \| (.+) \|$", TEXT)
}


def test_errors_when_in_the_table_then_in_the_document_under_their_status() -> None:
    for code, status in STATUS_BY_CODE.items():
        if code != "unreadable_video":  # told under the code of its finding
            assert code in ROWS[status], code
    for problem in (UNEXPECTED, UNAVAILABLE):
        assert problem.code in ROWS[problem.status]


def codes_in_the_code() -> Iterator[tuple[str, str]]:
    """Read out of the source every code that an answer can carry: where it stands, and the code."""
    for path in sorted((ROOT / "app").rglob("*.py")):
        where = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            for value in _codes_of(node):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield where, value.value
    yield from (("app/http/problems.py", code) for code, _, _ in MORE.values())


def _codes_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the code of an error's class, and of a problem or a refused video where one is made."""
    match node:
        case ast.ClassDef(name=name) if name.endswith("Error"):
            for line in node.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code":
                    yield line.value
        case ast.Call(func=ast.Name(id="Problem")):
            yield from (each.value for each in node.keywords if each.arg == "code")
        case ast.Call(func=ast.Name(id="VideoRefusedError")):
            yield from node.args[:1]
        case ast.Call(func=ast.Name(id="UnreadableVideoError")):
            yield from (each.value for each in node.keywords if each.arg == "reason")
        case ast.Call(func=ast.Attribute(attr="get", value=ast.Name(id="MORE"))):
            yield node.args[1].elts[0]  # type: ignore[attr-defined]  # a tuple that begins with the code


def test_codes_when_read_out_of_the_source_then_each_is_in_the_document() -> None:
    told = set(re.findall(r"`(\w+)`", TEXT.partition("## When something is wrong")[2]))
    found = [*codes_in_the_code()]
    assert {"not_a_video", "unavailable", "http_error", "checksum_mismatch"} <= {code for _, code in found}
    missing = [each for each in found if each[1] not in {*told, "unreadable_video"}]
    assert not missing


def test_errors_when_in_the_document_then_real() -> None:
    known = {*STATUS_BY_CODE, *FINDINGS, UNEXPECTED.code}
    known |= {code for code, _, _ in MORE.values()} | {UNAVAILABLE.code}
    for codes in ROWS.values():
        assert codes - {"Retry"} <= known


def test_limits_when_told_then_as_set() -> None:
    for number, rate in ((120, UPLOADS), (1200, REQUESTS), (30, BAD_KEY_BY_ADDRESS)):
        assert rate.limit == parse(f"{number} per minute")
        assert re.search(rf"\b{number} (uploads|requests|wrong keys) a minute", TEXT)


def test_what_can_be_chosen_when_listed_then_as_the_code_has_it() -> None:
    events = TEXT.partition("`GET /webhook-events` lists")[2].partition("Without\n`events`")[0]
    assert set(re.findall(r"`(\w+\.\w+)`", events)) == {event.value for event in WebhookEvent}
    for name, kind in (("movement", Movement), ("view", View), ("context", ScreeningContext)):
        (row,) = re.findall(rf"(?m)^\| `{name}` \| (.+) \|$", TEXT)
        assert set(re.findall(r"`(\w+)`", row)) == {each.value for each in kind}
