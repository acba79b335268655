"""The demo: a made-up club whose clips go in through the REST API, as anybody's would."""

import contextlib
import json
import os
import secrets
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.biomech.score import describe_band
from app.biomech.types import RiskScore
from app.container import build_container
from app.domain.access import Permission, Principal, Role
from app.domain.lifecycle import FINAL_STATES
from app.services import accounts
from app.settings import Settings

CLUB, TEAM, EMAIL = "Demo Club", "First Team", "coach@demo.example"
NAMES = {"neutral": "Lena Hoffmann", "valgus20": "Maya Okafor", "bystander": "Sofia Ricci"}
"""Whom a sample clip shows; made up, as the people in the clips are."""
BOX_HEIGHT_CM = 31.0
BUNDLED = Path(__file__).resolve().parent.parent.parent / "samples"
_ASK_EVERY_S = 0.5


@dataclass(slots=True)
class DemoNotes:
    """What the demo made so far, kept so that the next run goes on instead of starting over."""

    organisation_id: str = ""
    password: str = ""
    api_key: str = ""
    team_id: str = ""
    athletes: dict[str, str] = field(default_factory=dict)
    """Athlete's id by clip."""
    recordings: dict[str, str] = field(default_factory=dict)
    """Recording's id by clip."""

    @classmethod
    def load(cls, path: Path) -> "DemoNotes":
        """Read the notes, or begin new ones."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()

    def save(self, path: Path) -> None:
        """Write the notes where only this user can read them."""
        partial = path.with_suffix(".new")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(asdict(self), indent=1))
        partial.replace(path)


class Demo:
    """One run of the demo against a stack that serves."""

    def __init__(self, settings: Settings, *, samples: Path | None) -> None:
        """Read what earlier runs made."""
        self._settings = settings
        self._path = settings.data_dir / "demo.json"
        self._notes = DemoNotes.load(self._path)
        self._clips = {path.stem: path for path in sorted((samples or BUNDLED).glob("*.mp4"))}
        self._out = Console()
        self._err = Console(stderr=True)

    def run(self) -> bool:
        """Make the club, upload what is missing, wait, and show; say whether every clip came to an end."""
        self._make_club()
        headers = {"Authorization": f"Bearer {self._notes.api_key}"}
        with httpx.Client(base_url=f"{self._address}/api/v1", headers=headers, timeout=60.0) as client:
            self._make_roster(client)
            for clip, path in self._clips.items():
                self._upload(client, clip=clip, path=path)
            documents = self._wait(client)
        self._show(documents)
        return all(document["state"] in FINAL_STATES for document in documents.values())

    @property
    def _address(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._settings.host, self._settings.host)  # noqa: S104  # asked for, not bound
        return f"http://{host}:{self._settings.port}"

    def _make_club(self) -> None:
        if self._notes.api_key:
            return
        notes = DemoNotes(password=secrets.token_urlsafe(12))
        with build_container(self._settings) as container:
            with container.uow_factory(None) as uow:
                club = accounts.create_organisation(uow=uow, name=CLUB)
                accounts.create_user(
                    uow=uow, organisation_id=club.id, email=EMAIL, display_name="Demo Coach",
                    password=notes.password, role=Role.OWNER,
                )  # fmt: skip
            principal = Principal(organisation_id=club.id, role=Role.OWNER, display_name="demo")
            with container.uow_factory(club.id) as uow:
                key = accounts.create_api_key(
                    uow=uow, principal=principal, name="demo", scopes=frozenset(Permission)
                )
        notes.organisation_id, notes.api_key = str(club.id), key.key
        self._notes = notes
        self._notes.save(self._path)

    def _make_roster(self, client: httpx.Client) -> None:
        if not self._notes.team_id:
            self._notes.team_id = _checked(client.post("/teams", json={"name": TEAM}))["id"]
            self._notes.save(self._path)
        for number, clip in enumerate(self._clips, start=1):
            if clip not in self._notes.athletes:
                self._notes.athletes[clip] = _checked(
                    client.post("/athletes", json=self._athlete(clip, number=number))
                )["id"]
                self._notes.save(self._path)

    def _athlete(self, clip: str, *, number: int) -> dict[str, object]:
        known = next((name for part, name in NAMES.items() if part in clip), f"Athlete {number}")
        return {
            "name": known,
            "team_ids": [self._notes.team_id],
            "sex": "female" if "_f_" in clip else "unspecified",
            "stature_cm": _stature_cm(self._clips[clip].with_suffix(".json")),
        }

    def _upload(self, client: httpx.Client, *, clip: str, path: Path) -> None:
        """Send one clip; the key makes a second request after a crash the same one."""
        if clip in self._notes.recordings:
            return
        with path.open("rb") as file:
            answer = client.post(
                "/recordings",
                files={"file": (path.name, file, "video/mp4")},
                data={"athlete_id": self._notes.athletes[clip], "box_height_cm": str(BOX_HEIGHT_CM)},
                headers={"Idempotency-Key": f"demo-{self._notes.organisation_id}-{clip}"},
            )
        self._notes.recordings[clip] = _checked(answer)["id"]
        self._notes.save(self._path)

    def _wait(self, client: httpx.Client) -> dict[str, dict[str, Any]]:
        """Follow every recording to its end with a bar for each."""
        documents: dict[str, dict[str, Any]] = {}
        columns = (
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[doing]}"), TimeElapsedColumn(),
        )  # fmt: skip
        with Progress(*columns, console=self._err, transient=True) as progress:
            bars: dict[str, TaskID] = {
                clip: progress.add_task(clip, total=1.0, doing="") for clip in self._notes.recordings
            }
            while len(documents) < len(bars):
                for clip, bar in bars.items():
                    if clip in documents:
                        continue
                    document = _ask(client, self._notes.recordings[clip])
                    if document is None:
                        continue
                    doing = document["stage"] or document["state"]
                    progress.update(bar, completed=document["progress"], doing=doing)
                    if document["state"] in FINAL_STATES:
                        documents[clip] = document
                time.sleep(_ASK_EVERY_S)
        return {clip: documents[clip] for clip in bars}

    def _show(self, documents: dict[str, dict[str, Any]]) -> None:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("Athlete", "Verdict", "Score 0-100", "90 % interval", "Frontal screen"):
            table.add_column(heading)
        for document in documents.values():
            table.add_row(*_row(document))
        self._out.print(table)
        for document in documents.values():
            for finding in _findings(document):
                self._out.print(f"{_athlete(document)}: {finding}", highlight=False, markup=False)
        self._out.print("The score says how far a landing is from good landings; it is not a diagnosis.\n")
        self._out.print(f"Dashboard   {self._settings.base_url}", highlight=False)
        self._out.print(
            f"Sign in     {EMAIL}   password {self._notes.password}", highlight=False, markup=False
        )
        self._out.print(f"API key     {self._notes.api_key}", highlight=False, markup=False, soft_wrap=True)
        self._out.print("Ctrl-C stops everything; the data stays.", highlight=False)


def show_demo(*, settings: Settings, samples: Path | None, exit_when_done: bool, failed: list[str]) -> None:
    """Run the demo in a thread of its own; what goes wrong is said, and the stack keeps serving."""
    try:
        if not Demo(settings, samples=samples).run():
            failed.append("a clip did not come to an end")
    except Exception as error:  # noqa: BLE001  # the stack serves on; the reason is on the screen and in the logs
        failed.append(str(error))
        Console(stderr=True).print(f"The demo could not be finished: {error}", markup=False, highlight=False)
    if exit_when_done:
        os.kill(os.getpid(), signal.SIGINT)


def _row(document: dict[str, Any]) -> tuple[str, ...]:
    analysis = document["analysis"] or {}
    verdict = analysis.get("verdict") or document["state"]
    score = analysis.get("risk_score")
    if score is None:
        return (_athlete(document), verdict, "-", "-", "-")
    low, high = score["interval_90"]
    return (_athlete(document), verdict, f"{score['value']:.0f}", f"{low:.0f} to {high:.0f}", _band(score))


def _athlete(document: dict[str, Any]) -> str:
    return str((document["athlete"] or {}).get("name", "nobody yet"))


def _findings(document: dict[str, Any]) -> list[str]:
    """Return what is worth saying about a recording: what made its verdict less than valid."""
    found = (document["analysis"] or document).get("findings") or []
    return [f"{item['message']} {item['how_to_fix']}" for item in found if item["severity"] != "info"]


def _band(score: dict[str, Any]) -> str:
    values = {**score, "interval_90": tuple(score["interval_90"]), "components": ()}
    return describe_band(RiskScore(**values)).removeprefix("frontal screen: ")


def _ask(client: httpx.Client, recording_id: str) -> dict[str, Any] | None:
    """Return the recording, or nothing while the api is being started again."""
    with contextlib.suppress(httpx.TransportError):
        return _checked(client.get(f"/recordings/{recording_id}"))
    return None


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        found: dict[str, Any] = answer.json()
        return found
    try:
        problem = answer.json()
        detail = f"{problem.get('detail') or problem.get('title')} {problem.get('how_to_fix') or ''}".strip()
    except ValueError:
        detail = answer.text[:200]
    msg = f"the api answered {answer.status_code}: {detail}"
    raise RuntimeError(msg)


def _stature_cm(truth: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return round(float(json.loads(truth.read_text())["body"]["stature"]) * 100, 1)
    return None
