"""A made-up organisation for whoever builds on the API: the same athletes, ids and numbers every time.

The tracks of the sample clips were read once with the pose model (`samples/tracks`); everything after that is the
pipeline as it is, so the numbers are those that this release finds.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from app.biomech.types import MethodStamp, Sex, TrialContext, VideoInfo
from app.db.types import fixed_ids
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.access import Permission, Principal, Role
from app.domain.athletes import OWN_SYSTEM, AthleteChange, Guardian
from app.domain.consent import Purpose, Relation
from app.domain.errors import InvalidInputError
from app.domain.lifecycle import FINAL_STATES
from app.domain.screenings import ScreeningContext
from app.services import accounts, athletes, consents, recording_intake, recordings, roster
from app.services.process_recording import process_recording
from app.services.uploads import ProbedVideo, StagedUpload
from app.services.video_reader import PictureOrder, Pictures, Progress, VideoReading
from app.storage.blobs import BlobStore
from app.storage.tracks import track_from_bytes

NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:plumbline:sandbox")
NAME: Final = "Plumbline sandbox"
BOX_HEIGHT_CM: Final = 31.0
_NEUTRAL, _VALGUS, _BYSTANDER = "dvj_f_neutral_60", "dvj_f_valgus20_60", "dvj_f_bystander_60"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpAthlete:
    """Somebody who does not exist, and what was filmed of them."""

    external_id: str
    given_name: str
    family_name: str
    born: date
    team: str
    screenings: Mapping[date, tuple[ScreeningContext, Sequence[str]]]
    """Day -> occasion and the clip of each trial."""
    stature_cm: float = 168.0
    consented: bool = True


_WINTER, _SPRING = date(2026, 1, 10), date(2026, 3, 14)
ROSTER: Final = (
    MadeUpAthlete(
        external_id="SB-1", given_name="Ines", family_name="Fictiva", born=date(2009, 4, 30), team="U17",
        screenings={
            _WINTER: (ScreeningContext.BASELINE, (_VALGUS, _VALGUS)),
            _SPRING: (ScreeningContext.BASELINE, (_NEUTRAL, _BYSTANDER)),
        },
    ),
    MadeUpAthlete(
        external_id="SB-2", given_name="Noor", family_name="Imaginar", born=date(2010, 9, 2), team="U17",
        screenings={_WINTER: (ScreeningContext.BASELINE, (_NEUTRAL, _BYSTANDER, _NEUTRAL))},
    ),
    MadeUpAthlete(
        external_id="SB-3", given_name="Tove", family_name="Pretend", born=date(2001, 6, 17), team="First team",
        screenings={_SPRING: (ScreeningContext.RETURN_TO_SPORT, (_VALGUS, _BYSTANDER))},
    ),
    MadeUpAthlete(
        external_id="SB-4", given_name="Mara", family_name="Invented", born=date(2000, 1, 8), team="First team",
        screenings={},
    ),
    MadeUpAthlete(
        external_id="SB-5", given_name="Lior", family_name="Waiting", born=date(2011, 11, 23), team="U17",
        screenings={}, consented=False,
    ),
)  # fmt: skip
"""With results and a change, with three trials, returning to sport, without a screening, without consent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxReport:
    """What stands there now."""

    organisation_id: UUID
    api_key: str | None
    """Only when one was made: it is shown once."""
    n_athletes: int
    n_recordings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxParts:
    """What the sandbox is made with."""

    uow_factory: UnitOfWorkFactory
    """With a queue that nobody listens to: the recordings are analysed here, not by a worker."""
    blobs: BlobStore
    method: MethodStamp
    staging_dir: Path
    samples: Path


def sandbox_organisation_id() -> UUID:
    """Return the organisation's id, the same everywhere."""
    with fixed_ids(NAMESPACE, "organisation") as first:
        return first


def make_sandbox(parts: SandboxParts, *, new_key: bool = False) -> SandboxReport:
    """Make what is missing of the organisation; what is there stays as it is."""
    principal, is_new = _organisation(parts)
    teams = {name: _team(parts, principal, name) for name in dict.fromkeys(one.team for one in ROSTER)}
    n_recordings = 0
    for person in ROSTER:
        athlete_id = _athlete(parts, principal, person, team_id=teams[person.team])
        for day, (context, clips) in person.screenings.items():
            for number, clip in enumerate(clips, start=1):
                trial = _Trial(day=day, context=context, number=number, clip=clip)
                _recording(parts, principal, person, athlete_id=athlete_id, trial=trial)
                n_recordings += 1
    key = _key(parts, principal) if is_new or new_key else None
    return SandboxReport(
        organisation_id=principal.organisation_id,
        api_key=key,
        n_athletes=len(ROSTER),
        n_recordings=n_recordings,
    )


def check_is_sandbox(uow: UnitOfWork) -> bool:
    """Say whether the sandbox is there; raise `InvalidInputError` when its place is taken by something else."""
    organisation_id = sandbox_organisation_id()
    found = uow.accounts.find_organisation(organisation_id)
    if found is not None and found.name != NAME:
        raise InvalidInputError(f"The organisation {organisation_id} is not the sandbox: it is left alone.")
    return found is not None


def check_only_ours(uow: UnitOfWork) -> None:
    """Raise `InvalidInputError` when the sandbox holds recordings that it was not made with."""
    ours = set(_recording_ids())
    principal = _principal()
    theirs, cursor = 0, None
    while True:
        page = recordings.list_recordings(uow=uow, principal=principal, cursor=cursor, limit=200)
        theirs += sum(one.id not in ours for one in page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    if theirs:
        raise InvalidInputError(
            f"The sandbox holds {theirs} recordings that were uploaded to it.",
            how_to_fix="Add --discard to remove them, too.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    day: date
    context: ScreeningContext
    number: int
    clip: str


def _principal() -> Principal:
    return Principal(organisation_id=sandbox_organisation_id(), role=Role.OWNER, display_name="sandbox")


def _organisation(parts: SandboxParts) -> tuple[Principal, bool]:
    principal = _principal()
    with parts.uow_factory(None) as uow, fixed_ids(NAMESPACE, "organisation"):
        is_new = not check_is_sandbox(uow)
        if is_new:
            accounts.create_organisation(uow=uow, name=NAME)
    return principal, is_new


def _team(parts: SandboxParts, principal: Principal, name: str) -> UUID:
    with parts.uow_factory(principal) as uow, fixed_ids(NAMESPACE, f"team/{name}"):
        for team in roster.list_teams(uow=uow, principal=principal).items:
            if team.name == name:
                return team.id
        return roster.create_team(uow=uow, principal=principal, name=name).id


def _athlete(parts: SandboxParts, principal: Principal, person: MadeUpAthlete, *, team_id: UUID) -> UUID:
    with parts.uow_factory(principal) as uow, fixed_ids(NAMESPACE, f"athlete/{person.external_id}"):
        known = uow.athletes.find_id(
            organisation_id=principal.organisation_id, system=OWN_SYSTEM, value=person.external_id
        )
        if known is not None:
            return known
        made = athletes.add_athlete(uow=uow, principal=principal, change=_as_change(person, team_id=team_id))
        if person.consented:
            consents.record_consent(
                uow=uow,
                principal=principal,
                athlete_id=made.record.id,
                given_by=f"Parent {person.family_name}",
                relation=Relation.PARENT,
                purposes=dict.fromkeys(
                    (Purpose.SCREENING, Purpose.KEEP_VIDEO, Purpose.SHARE_WITH_COACH), True
                ),
            )
        return made.record.id


def _as_change(person: MadeUpAthlete, *, team_id: UUID) -> AthleteChange:
    name = f"{person.given_name} {person.family_name}"
    return AthleteChange(
        name=name,
        given_name=person.given_name,
        family_name=person.family_name,
        external_id=person.external_id,
        external_ids={"example_ams": f"ams-{person.external_id.lower()}"},
        sex=Sex.FEMALE,
        date_of_birth=person.born,
        sport="Handball",
        stature_cm=person.stature_cm,
        guardians=(Guardian(name=f"Parent {person.family_name}", relation="parent", email=None, phone=None),),
        team_ids=frozenset({team_id}),
    )


def _recording_name(person: MadeUpAthlete, day: date, number: int) -> str:
    return f"recording/{person.external_id}/{day}/{number}"


def _recording_ids() -> list[UUID]:
    return [
        uuid5(NAMESPACE, f"{_recording_name(person, day, number)}/0")
        for person in ROSTER
        for day, (_, clips) in person.screenings.items()
        for number in range(1, len(clips) + 1)
    ]


def _recording(
    parts: SandboxParts, principal: Principal, person: MadeUpAthlete, *, athlete_id: UUID, trial: _Trial
) -> None:
    """Upload a trial's clip and analyse it, unless that is done."""
    name = _recording_name(person, trial.day, trial.number)
    ids = {"organisation_id": principal.organisation_id}
    with parts.uow_factory(principal) as uow, fixed_ids(NAMESPACE, name) as recording_id:
        known = uow.recordings.find(**ids, recording_id=recording_id)
    if known is None:
        with parts.uow_factory(principal) as uow, fixed_ids(NAMESPACE, name):
            recording_intake.receive_recording(
                uow=uow,
                blobs=parts.blobs,
                principal=principal,
                upload=_staged(parts, trial.clip),
                probed=_probed(parts, trial.clip),
                athlete_id=athlete_id,
                box_height_cm=BOX_HEIGHT_CM,
                screened_on=trial.day,
                context=trial.context,
                trial_number=trial.number,
            )
    if known is None or known.recording.state not in FINAL_STATES:
        with fixed_ids(NAMESPACE, f"{name}/analysis"):
            process_recording(
                recording_id=recording_id,
                organisation_id=principal.organisation_id,
                uow_factory=parts.uow_factory,
                blobs=parts.blobs,
                reader_factory=lambda: _Replay(parts.samples / "tracks" / trial.clip),
                method=parts.method,
                staging_dir=parts.staging_dir,
                overlay=None,
            )


def _key(parts: SandboxParts, principal: Principal) -> str:
    with parts.uow_factory(principal) as uow:
        return accounts.create_api_key(
            uow=uow, principal=principal, name="sandbox", scopes=frozenset(Permission)
        ).key


def _video(tracks: Path) -> VideoInfo:
    return VideoInfo(**json.loads(tracks.with_suffix(".json").read_text()))


def _staged(parts: SandboxParts, clip: str) -> StagedUpload:
    """Copy the clip to where uploads come to lie: it is moved from there."""
    source = parts.samples / f"{clip}.mp4"
    with (
        source.open("rb") as file,
        tempfile.NamedTemporaryFile(dir=parts.staging_dir, prefix="sandbox-", delete=False) as copy,
    ):
        shutil.copyfileobj(file, copy)
    sha256 = _video(parts.samples / "tracks" / clip).sha256
    return StagedUpload(
        path=Path(copy.name), filename=source.name, size_bytes=source.stat().st_size, sha256=sha256
    )


def _probed(parts: SandboxParts, clip: str) -> ProbedVideo:
    video = _video(parts.samples / "tracks" / clip)
    return ProbedVideo(
        extension="mp4",
        container="mp4",
        codec=video.codec,
        width_px=video.width_px,
        height_px=video.height_px,
        duration_s=video.duration_s,
    )


class _Replay:
    """A `VideoReader` that gives back what was read once; drawing is ordered, and left to a worker."""

    def __init__(self, tracks: Path) -> None:
        self._tracks = tracks

    def read(self, path: Path, *, context: TrialContext, on_progress: Progress) -> VideoReading:  # noqa: ARG002  # the track stands for the file
        return VideoReading(
            video=_video(self._tracks),
            track=track_from_bytes(self._tracks.with_suffix(".npz").read_bytes()),
        )

    def draw(
        self, order: PictureOrder, *, directory: Path, overlay: bool, on_progress: Progress
    ) -> Pictures:  # never asked
        raise NotImplementedError("the pictures were ordered")

    def __enter__(self) -> "_Replay":
        return self

    def __exit__(self, *exc: object) -> None:
        return None
