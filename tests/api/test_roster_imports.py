"""A roster file from the first look to the undo, through REST."""

import io
import time
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine, text

from app.db.base import Base
from tests.api.conftest import Club
from tests.api.test_athletes import WHOLE, make
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload

HEAD = "First Name,Surname,DOB,Team,Jersey,student id\n"


@pytest.fixture
def fresh(make_club: Callable[[], Club]) -> httpx.Client:
    return make_club().client


def send(client: httpx.Client, content: bytes | str, name: str = "roster.csv") -> httpx.Response:
    body = content.encode() if isinstance(content, str) else content
    return client.post("/api/v1/roster-imports", files={"file": (name, body, "text/csv")})


def draft(client: httpx.Client, content: bytes | str) -> dict[str, Any]:
    answer = send(client, content)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def reply(client: httpx.Client, import_id: str, **answers: Any) -> dict[str, Any]:
    answer = client.patch(f"/api/v1/roster-imports/{import_id}", json=answers)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def confirm(client: httpx.Client, import_id: str) -> dict[str, Any]:
    answer = client.post(f"/api/v1/roster-imports/{import_id}/confirm")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def run(client: httpx.Client, content: bytes | str, **answers: Any) -> dict[str, Any]:
    """Import a file in one go; return the report."""
    import_id = draft(client, content)["id"]
    reply(client, import_id, **({"create_teams": True} | answers))
    return confirm(client, import_id)


def outcomes(document: dict[str, Any]) -> list[str]:
    return [row["outcome"] for row in document["rows"]]


def people(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Everybody by name, without what changes at every save."""
    listed = client.get("/api/v1/athletes", params={"limit": 200}).json()["items"]
    whole = [client.get(f"/api/v1/athletes/{each['id']}").json() for each in listed]
    return {each["name"]: each | {"updated_at": None} for each in whole}


def workbook(rows: list[list[Any]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_import_when_all_is_answered_then_people_teams_and_bibs_are_there(fresh: httpx.Client) -> None:
    text = HEAD + "Ada,Berg,2009-04-30,U17;Girls,7;12,S-1\nBea,Cole,2010-01-02,u17,8,\n"
    looked = draft(fresh, text)
    assert [column["field"] for column in looked["columns"]] == [
        "given_name", "family_name", "date_of_birth", "teams", "bib", "external_id",
    ]  # fmt: skip
    assert looked["columns"][0]["samples"] == ["Ada", "Bea"]
    assert (looked["kind"], looked["encoding"], looked["delimiter"]) == ("csv", "utf-8", ",")
    assert (looked["questions"]["create_teams"], looked["ready"]) == (["U17", "Girls"], False)
    check_problem(fresh.post(f"/api/v1/roster-imports/{looked['id']}/confirm"), code="stale_state")
    assert fresh.get("/api/v1/athletes").json()["items"] == []
    assert reply(fresh, looked["id"], create_teams=True)["ready"]
    report = confirm(fresh, looked["id"])
    assert report["counts"] == {"created": 2, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 0}
    ada = people(fresh)["Ada Berg"]
    assert {team["name"]: team["bib"] for team in ada["teams"]} == {"U17": "7", "Girls": "12"}
    assert (ada["external_id"], ada["date_of_birth"]) == ("S-1", "2009-04-30")
    assert fresh.get(f"/api/v1/roster-imports/{looked['id']}/report").json() == report
    check_problem(fresh.get(f"/api/v1/roster-imports/{looked['id']}"), code="stale_state")


def test_import_when_sent_again_then_unchanged_and_blanks_leave_and_a_dash_clears(
    fresh: httpx.Client,
) -> None:
    fresh.post("/api/v1/athletes", json=WHOLE)
    head = "id;sport;position;height;parent name;parent email\n"
    assert outcomes(run(fresh, head + "S-1;handball;wing;168,5 cm;;\n")) == ["unchanged"]
    report = run(fresh, head + "S-1;;-;169;Kim Doe;kim@example.org\n")
    assert report["rows"][0]["fields"] == ["position", "stature_cm", "guardians"]
    now = people(fresh)["Alex Doe"]
    assert (now["sport"], now["position"], now["stature_cm"]) == ("handball", None, 169.0)
    assert [each["name"] for each in now["guardians"]] == ["Kim Doe"]


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [
        ("utf-8", ","),
        ("utf-8-sig", ";"),
        ("utf-16", "\t"),
        ("utf-16-le", ";"),
        ("cp1252", ";"),
        ("cp1252", "|"),
    ],
)
def test_file_when_written_by_other_programs_then_read(
    fresh: httpx.Client, encoding: str, delimiter: str
) -> None:
    text = f"surname{delimiter}first_name\r\nMüller{delimiter}Zoë\r\n\r\n"
    looked = draft(fresh, text.encode(encoding))
    assert (looked["delimiter"], looked["rows"][0]["name"]) == (delimiter, "Zoë Müller")
    assert looked["rows"][0]["row_number"] == 2


def test_dates_when_their_order_is_not_plain_then_asked_once_and_never_guessed(fresh: httpx.Client) -> None:
    text = "name,dob\nAda,03/04/2009\nBea,25/12/2008\nCy,2009-01-02\n"
    looked = draft(fresh, text)
    assert looked["questions"]["date_order"] == {
        "example": "03/04/2009",
        "n_dates": 2,
        "n_only_day_first": 1,
        "n_only_month_first": 0,
    }
    assert outcomes(looked) == ["ask", "ask", "created"]
    assert outcomes(reply(fresh, looked["id"], day_first=False)) == ["created", "failed", "created"]
    assert outcomes(reply(fresh, looked["id"], day_first=True)) == ["created"] * 3
    confirm(fresh, looked["id"])
    born = {name: each["date_of_birth"] for name, each in people(fresh).items()}
    assert born == {"Ada": "2009-04-03", "Bea": "2008-12-25", "Cy": "2009-01-02"}


def test_rows_when_something_is_wrong_then_each_says_what(fresh: httpx.Client) -> None:
    make(fresh, external_id="S-9")
    rows = [
        ("Ada", "2009-02-30", "F", "1", "168", "date_of_birth"),
        ("Bea", "next year", "F", "2", "168", "date_of_birth"),
        ("Cy", "", "robot", "3", "168", "sex"),
        ("Di", "", "M", "4", "1.68", "stature_cm"),
        ('"=cmd|calc!A1"', "", "", "5", "", "name"),
        ("", "", "", "6", "", "name"),
        ("Eve", "", "", "7", "168", ""),
        ("Flo", "", "", "7", "168", "double"),
        ("x" * 201, "", "", "8", "", "name"),
    ]
    text = "athlete,birthdate,gender,sync_id,height_cm\n"
    text += "".join(",".join(row[:5]) + "\n" for row in rows)
    looked = draft(fresh, text)
    assert [row["code"] for row in looked["rows"]] == [row[5] for row in rows]
    assert looked["counts"]["failed"] == 8
    report = confirm(fresh, looked["id"])
    assert (report["counts"]["created"], report["counts"]["failed"]) == (1, 8)
    assert set(people(fresh)) == {"Alex Doe", "Eve"}
    assert "Flo" not in str(report)  # a report outlives people, so it names nobody


def test_bibs_when_taken_or_swapped_then_only_the_taken_one_fails(fresh: httpx.Client) -> None:
    run(fresh, "name,id,team,bib\nAda,1,U17,7\nBea,2,U17,8\n")
    swapped = run(fresh, "id,team,bib\n1,U17,8\n2,U17,7\n")
    assert outcomes(swapped) == ["updated", "updated"]
    assert outcomes(run(fresh, "name,id,team,bib\nCy,3,U17,7\n")) == ["failed"]
    assert outcomes(run(fresh, "name,id,team,bib\nAda,1,U17,9\nCy,3,U17,8\n")) == ["updated", "created"]


def test_person_when_it_could_be_several_then_asked_and_nobody_is_skipped_in_silence(
    fresh: httpx.Client,
) -> None:
    first = make(fresh, name="John Smith", date_of_birth="2009-01-01")
    make(fresh, name="John Smith", date_of_birth="2010-01-01")
    known = make(fresh, name="Ada Berg", external_id="S-1")
    text = "name,id,sport\nJohn  SMITH,,judo\nAda Berg,,golf\nBea Cole,S-1,chess\nNew Face,,run\n"
    looked = draft(fresh, text)
    asked = {row["row_number"]: (row["code"], len(row["candidates"])) for row in looked["rows"][:3]}
    assert asked == {2: ("several", 2), 3: ("name_alone", 1), 4: ("not_verified", 1)}
    assert looked["questions"]["rows"] == [2, 3, 4]
    assert looked["rows"][0]["candidates"][0]["date_of_birth"] in {"2009-01-01", "2010-01-01"}
    check_problem(fresh.post(f"/api/v1/roster-imports/{looked['id']}/confirm"), code="stale_state")
    wrong = fresh.patch(f"/api/v1/roster-imports/{looked['id']}", json={"answers": {"2": str(uuid4())}})
    check_problem(wrong, code="invalid_input")
    reply(fresh, looked["id"], answers={"2": first["id"]})
    answered = reply(fresh, looked["id"], answers={"3": "skip", "4": known["id"]})
    assert outcomes(answered) == ["updated", "skipped", "updated", "created"]
    confirm(fresh, looked["id"])
    assert fresh.get(f"/api/v1/athletes/{first['id']}").json()["sport"] == "judo"
    assert fresh.get(f"/api/v1/athletes/{known['id']}").json()["name"] == "Bea Cole"


def test_person_when_name_and_birth_agree_then_the_same_and_another_number_means_another(
    fresh: httpx.Client,
) -> None:
    make(fresh, name="Ada Berg", date_of_birth="2009-01-01", external_id="S-1")
    text = "name,dob,id\nada berg,2009-01-01,\nAda Berg,2009-01-01,S-2\nAda Berg,2009-01-02,\n"
    assert outcomes(draft(fresh, text)) == ["updated", "created", "created"]
    by_id = draft(fresh, "name,dob\nAda Berg,2009-01-01\n")
    assert outcomes(reply(fresh, by_id["id"], match_by="external_id")) == ["created"]


def test_mapping_when_changed_then_read_anew_and_doubles_refused(fresh: httpx.Client) -> None:
    looked = draft(fresh, "who,code\nAda,77\n")
    assert [column["field"] for column in looked["columns"]] == ["ignore", "ignore"]
    assert outcomes(looked) == ["failed"]
    mapped = reply(fresh, looked["id"], mapping=["name", "id:gps"])
    assert outcomes(mapped) == ["created"]
    for mapping in (["name"], ["name", "name"], ["name", "nonsense"], ["name", "id:UPPER"]):
        answer = fresh.patch(f"/api/v1/roster-imports/{looked['id']}", json={"mapping": mapping})
        check_problem(answer, code="invalid_input")
    confirm(fresh, looked["id"])
    assert people(fresh)["Ada"]["external_ids"] == {"gps": "77"}


def test_workbook_when_sent_then_dates_and_numbers_need_no_question(fresh: httpx.Client) -> None:
    from datetime import date

    content = workbook(
        [[], ["Name", "Date of birth", "Athlete ID", "Height"], ["Ada", date(2009, 4, 3), 1042, 168.0]]
    )
    looked = draft(fresh, content)
    assert (looked["kind"], looked["sheet"], looked["questions"]["date_order"]) == ("xlsx", "Sheet", None)
    confirm(fresh, looked["id"])
    ada = people(fresh)["Ada"]
    assert (ada["date_of_birth"], ada["external_id"], ada["stature_cm"]) == ("2009-04-03", "1042", 168.0)


def bomb() -> bytes:
    """A workbook of a few kilobytes that would unpack to 200 MB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 200_000_000)
    return buffer.getvalue()


def cells() -> bytes:
    """A workbook of a few kilobytes with millions of empty cells, each of which costs a reader hundreds of bytes."""
    row = b"<row>" + b"<c/>" * 3_000_000 + b"</row></sheetData>"
    return with_part("xl/worksheets/sheet1.xml", lambda part: part.replace(b"</sheetData>", row))


def depths() -> bytes:
    """A workbook whose elements lie in one another."""
    return with_part(
        "xl/worksheets/sheet1.xml", lambda part: part.replace(b"</sheetData>", b"<a>" * 5_000_000)
    )


def entities() -> bytes:
    """A workbook whose strings are a billion laughs."""
    laughs = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + level)} "{f"&{chr(97 + level)};" * 10}">' for level in range(9)
    )
    return with_part(
        "xl/workbook.xml", lambda part: (laughs + "]>").encode() + part.replace(b"<sheets>", b"<sheets>&j;")
    )


def with_part(name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one of its parts changed."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook([["Name"], ["Ada"]]))) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            part = source.read(entry)
            target.writestr(entry.filename, change(part) if entry.filename == name else part)
    return made.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"name\n", b"\x00\x01\x02\x03" * 50, b"PK\x03\x04 damaged", bytes.fromhex("d0cf11e0a1b11ae1") * 9,
     b"name\n" + b"x\n" * 20_001, b"a," * 150 + b"\n1\n", b"," * 8_000_000, b"\xff\xfe\x00", bomb(), cells(), depths(), entities()],
    ids=["empty", "no rows", "binary", "no zip", "xls", "rows", "columns", "commas", "half", "bomb", "cells", "depths", "entities"],
)  # fmt: skip
def test_file_when_it_is_no_roster_then_refused_quickly(club: Club, content: bytes) -> None:
    started = time.process_time()
    answer = send(club.client, content)
    check_problem(answer, code="invalid_input")
    assert answer.json()["errors"][0]["field"] == "file"
    assert time.process_time() - started < 3


def test_file_when_larger_than_allowed_then_413(club: Club) -> None:
    answer = send(club.client, b"name\n" + b"x" * (9 * 1024 * 1024))
    assert answer.status_code == 413


def test_undo_when_asked_then_everybody_is_exactly_as_before(fresh: httpx.Client) -> None:
    run(fresh, "name,id,team,bib,sport\nAda,1,U17,7,judo\nBea,2,U17,8,\n")
    before = people(fresh)
    report = run(
        fresh, "name,id,team,bib,sport,vald-id\nAda,1,New;U17,1;9,-,v1\nBea,2,,,golf,\nCy,3,New,3,,v3\n"
    )
    assert report["counts"] | {} == {"created": 1, "updated": 2, "unchanged": 0, "skipped": 0, "failed": 0}
    assert people(fresh) != before
    undone = fresh.post(f"/api/v1/roster-changes/{report['change_id']}/undo").json()
    assert (undone["n_undone"], undone["n_kept"]) == (3, 0)
    assert people(fresh) == before
    assert [team["name"] for team in fresh.get("/api/v1/teams").json()["items"]] == ["U17"]


def test_undo_when_somebody_changed_or_was_filmed_since_then_left_alone_and_told(fresh: httpx.Client) -> None:
    run(fresh, "name,id,sport\nAda,1,judo\n")
    report = run(fresh, "name,id,sport\nAda,1,golf\nBea,2,\nCy,3,\n")
    now = people(fresh)
    fresh.patch(f"/api/v1/athletes/{now['Ada']['id']}", json={"level": "club"})
    assert upload(fresh, fields={"athlete_id": now["Bea"]["id"]}).status_code == 202
    undone = fresh.post(f"/api/v1/roster-changes/{report['change_id']}/undo").json()
    assert (undone["n_undone"], undone["n_kept"]) == (1, 2)
    left = people(fresh)
    assert set(left) == {"Ada", "Bea"}
    assert (left["Ada"]["sport"], left["Ada"]["level"]) == ("golf", "club")


def test_draft_when_dropped_then_gone(fresh: httpx.Client) -> None:
    import_id = draft(fresh, "name\nAda\n")["id"]
    address = f"/api/v1/roster-imports/{import_id}"
    assert fresh.delete(address).status_code == 204
    check_problem(fresh.get(address), code="not_found")


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_export_when_imported_elsewhere_then_the_same_people_and_here_nothing_changes(
    make_club: Callable[[], Club], file_format: str
) -> None:
    import openpyxl

    here, there = make_club().client, make_club().client
    run(here, "name,id,team,bib\n-Dash,1,U17;Girls,7;8\nBea,2,U17,\nO'Neil,3,,\n")
    here.post("/api/v1/athletes", json=WHOLE | {"external_id": "S-4", "sport": "=2+3", "level": "'@home"})
    file = here.get("/api/v1/roster-export", params={"format": file_format})
    assert file.status_code == 200
    assert f'filename="roster.{file_format}"' in file.headers["Content-Disposition"]
    if file_format == "csv":
        assert "'=2+3" in file.text
        assert ",'-Dash," in file.text
        assert "'+442079460018" in file.text
    else:
        values = [
            cell for row in openpyxl.load_workbook(io.BytesIO(file.content)).active.values for cell in row
        ]
        assert "'=2+3" in values
    same = draft(here, file.content)
    assert set(outcomes(same)) <= {"unchanged", "failed"}  # a sport that is a formula never came from a file
    assert outcomes(same).count("failed") == 1
    run(there, file.content)
    ids = {"id": None, "created_at": None, "teams": None}
    ours, theirs = people(here), people(there)
    del ours["Alex Doe"]
    assert {name: each | ids for name, each in theirs.items()} == {
        name: each | ids for name, each in ours.items()
    }
    assert [(team["name"], team["bib"]) for team in theirs["-Dash"]["teams"]] == [
        ("Girls", "8"),
        ("U17", "7"),
    ]


def row(number: int, *, sport: str = "") -> str:
    team = f"Squad {number % 40}"
    return f"Given{number},Family{number},20{number % 10:02}-05-17,{team},{number},S-{number},{sport}\n"


def whole_tables(engine: Engine, club: Club) -> dict[str, list[dict[str, Any]]]:
    """Every row of the organisation in every table, but for what tells of acts, and for how often a person was saved."""
    tables = set(Base.metadata.tables) - {
        "audit_entry",
        "roster_change",
        "roster_change_item",
        "roster_import",
        "api_key",
    }
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.organisation_id)}
        )
        found = {
            table: connection.scalars(text(f"SELECT to_jsonb(t) FROM {table} t ORDER BY t::text")).all()  # noqa: S608  # names of tables
            for table in tables
        }
    counted = {"version": None, "updated_at": None}
    people = [each | counted for each in found["athlete"]]
    return {**found, "athlete": sorted(people, key=lambda each: str(each["id"]))}


def test_import_when_5000_rows_then_within_ten_seconds_and_undone_to_the_row(
    make_club: Callable[[], Club], engine: Engine, record_property: Callable[[str, object], None]
) -> None:
    club = make_club()
    fresh = club.client
    head = HEAD.strip() + ",sport\n"
    run(fresh, head + "".join(row(number) for number in range(500)))
    make(fresh, external_id="K-1")
    before = whole_tables(engine, club)
    assert len(before["athlete"]) == 501
    import_id = draft(fresh, head + "".join(row(number, sport="judo") for number in range(5000)))["id"]
    reply(fresh, import_id, create_teams=True)
    started = time.monotonic()
    report = confirm(fresh, import_id)
    import_s = time.monotonic() - started
    after = whole_tables(engine, club)
    started = time.monotonic()
    undone = fresh.post(f"/api/v1/roster-changes/{report['change_id']}/undo").json()
    undo_s = time.monotonic() - started
    record_property("import_s", import_s)
    record_property("undo_s", undo_s)
    print(f"5000 rows: imported in {import_s:.1f} s, undone in {undo_s:.1f} s")  # noqa: T201 # a figure worth seeing with -s
    assert (report["counts"]["created"], report["counts"]["updated"]) == (4500, 500)
    assert (undone["n_undone"], undone["n_kept"]) == (5000, 0)
    assert (len(after["athlete"]), after["athlete_word"] != before["athlete_word"]) == (5001, True)
    assert whole_tables(engine, club) == before
    assert import_s < 10
