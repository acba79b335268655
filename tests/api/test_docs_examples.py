"""The examples of docs/api.md do what they say: every one is run as it stands, in order, against the live service.

Only the ids in them are replaced by those of things that are there, and the files they send are made first.
"""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from app.services.process_recording import process_recording
from app.services.video_reader import VideoReading
from tests.api.conftest import Club
from tests.api.support import PartsForTests, fake_video
from tests.api.test_roster_imports import send
from tests.api.test_uploads import upload
from tests.api.things import Things
from tests.factories import METHOD, ScriptedReader
from tests.synth import drop_jump, video_of

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BLOCKS = [block for block in re.findall(r"(?ms)^```sh\n(.*?)^```", TEXT) if "curl" in block]
ID = r"(?:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|…)"
THINGS = {
    "analyses": "analysis_id",
    "athletes": "athlete_id",
    "exports": "export_id",
    "reanalyses": "reanalysis_id",
    "recordings": "recording_id",
    "roster-imports": "import_id",
    "screenings": "screening_id",
}
ANSWERED_OTHERWISE = {
    "file=@notes.txt": {422},  # the section shows what a refusal looks like
    "/accept": {202, 409},  # no worker has made the preview yet
    "/exports/…": {200, 404, 409},  # no worker has written the file yet
}
SIZE = 8421376
_, TRACK = drop_jump(fps=60.0, stand_s=1.05)  # lands at the time that the example of a correction names
_FUNCTIONS = """
uuidgen() { cat /proc/sys/kernel/random/uuid; }
curl() { command curl -sS --max-time 60 -w '%{stderr}\\nstatus %{http_code}\\n' "$@"; }
"""


@pytest.fixture(scope="module")
def parts(parts: PartsForTests) -> PartsForTests:
    return replace(parts, settings=parts.settings.model_copy(update={"max_upload_bytes": 500_000_000}))


@pytest.fixture(scope="module")
def things(club: Club, parts: PartsForTests) -> Things:
    return Things(club=club, parts=parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples' files lie."""
    made = tmp_path_factory.mktemp("examples")
    (made / "jump.mp4").write_bytes(fake_video(20_000))
    (made / "IMG_0815.MOV").write_bytes(fake_video(SIZE))
    (made / "notes.txt").write_text("not a video")
    (made / "roster.csv").write_text("name,born\nAda Example,03/04/2009\n")
    return made


class Reader:
    """Runs blocks, one after the other; knows what the ones before have made."""

    def __init__(self, address: str, things: Things, folder: Path) -> None:
        self._address, self._things, self._folder = address, things, folder
        self._capture_id = ""

    def run(self, block: str) -> list[int]:
        """Run it and return what each request was answered."""
        key = self._things.club.api_key
        variables = {"URL": self._address, "KEY": key, "CLIENT_ID": key[:24], "CLIENT_SECRET": key[25:]}
        script = self._with_ids(block)
        result = subprocess.run(
            ["bash", "-euc", _FUNCTIONS + script],
            cwd=self._folder, env={**variables, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
            timeout=90, check=False,
        )  # fmt: skip
        assert result.returncode == 0, f"{script}\n{result.stdout}\n{result.stderr}"
        made = re.search(r"(?i)^location: /api/v1/captures/(\S+)", result.stdout, re.MULTILINE)
        if made:
            self._capture_id = made[1]
            self._send_half()
        return [int(status) for status in re.findall(r"(?m)^status (\d{3})$", result.stderr)]

    def _send_half(self) -> None:
        """Send what the next example says was sent before the line broke."""
        offset = int(re.search(r"tail -c \+(\d+)", TEXT)[1]) - 1  # type: ignore[index]  # it stands there
        content = (self._folder / "IMG_0815.MOV").read_bytes()[:offset]
        answer = self._things.club.client.patch(
            f"/api/v1/uploads/{self._capture_id}",
            content=content,
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Offset": "0",
                "Content-Type": "application/offset+octet-stream",
            },
        )
        assert answer.status_code == 204, answer.text

    def _with_ids(self, block: str) -> str:
        """Put ids of things that are there in place of those in the text."""
        found = re.sub(rf"/(captures|uploads)/{ID}", lambda match: f"/{match[1]}/{self._capture_id}", block)
        for path, name in THINGS.items():
            if re.search(rf"/{path}/{ID}", found):
                found = re.sub(rf"/{path}/{ID}", f"/{path}/{self._things.id_of(name)}", found)
        if "team_id" in found:
            team_id = self._things.id_of("team_id")
            found = re.sub(rf'("team_id": "|"team_ids": \["|team_id=){ID}', rf"\g<1>{team_id}", found)
        return re.sub(r'If-Match: "[^"]*"', lambda _: f"If-Match: {self._etag()}", found)

    def _etag(self) -> str:
        found = self._things.club.client.get(f"/api/v1/analyses/{self._things.id_of('analysis_id')}")
        return str(found.headers["ETag"])


def test_examples_when_run_in_order_then_each_is_answered_as_the_page_says(
    address: str, things: Things, folder: Path
) -> None:
    things.adopt("recording_id", analysed(things))
    things.adopt("import_id", with_twins(things))
    reader = Reader(address, things, folder)
    n_requests = 0
    for block in BLOCKS:
        answered = reader.run(block)
        assert answered, block
        expected = next((codes for words, codes in ANSWERED_OTHERWISE.items() if words in block), set())
        assert all(status < 300 or status in expected for status in answered), (
            f"{block}\nwas answered {answered}"
        )
        n_requests += len(answered)
    assert n_requests >= len(BLOCKS) >= 25


def with_twins(things: Things) -> str:
    """Send a file in which everything has to be asked: days, teams, and who of two with one name is meant."""
    for _ in range(2):
        things.post("/athletes", name="Sam Twin")
    rows = "".join("Sam Twin,03/04/2009,A new team\n" for _ in range(40))
    return str(send(things.club.client, f"name,date_of_birth,team\n{rows}").json()["id"])


def analysed(things: Things) -> str:
    """Make a recording of a jump with known truth, analysed as a worker does."""
    recording_id = upload(things.club.client, fields={"athlete_id": things.id_of("athlete_id")}).json()["id"]
    process_recording(
        recording_id=UUID(recording_id),
        organisation_id=things.club.organisation_id,
        uow_factory=things.parts.uow_factory,
        blobs=things.parts.blobs,
        reader_factory=lambda: ScriptedReader(reading=VideoReading(video=video_of(TRACK), track=TRACK)),
        method=METHOD,
        staging_dir=things.parts.staging.directory,
    )
    athlete = things.id_of("athlete_id")
    known = things.club.client.patch(f"/api/v1/athletes/{athlete}", json={"stature_cm": 171})
    assert known.is_success, known.text
    return str(recording_id)
