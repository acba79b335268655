"""`plumbline sandbox`: one command, the same everywhere, done again without harm, and never at anybody's expense."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app.biomech.types import Verdict
from app.container import Container, build_container
from app.db.provision import DatabaseUrls
from app.domain.access import Principal, Role
from app.domain.lifecycle import PicturesState
from app.services import accounts, recording_intake, recordings
from app.services.audit import verify_trails
from app.services.sandbox import NAME, ROSTER, sandbox_organisation_id
from app.services.uploads import ProbedVideo, StagedUpload
from app.settings import load_settings
from tests.cli.test_admin import Commands
from tests.factories import make_athlete, make_club

N_RECORDINGS = sum(len(clips) for one in ROSTER for _, clips in one.screenings.values())


@pytest.fixture
def commands(database: DatabaseUrls, redis_url: str, tmp_path: Path) -> Commands:
    return Commands(
        {
            "data_dir": tmp_path,
            "database_url": database.app_url,
            "database_owner_url": database.owner_url,
            "redis_url": redis_url,
        }
    )


def results(container: Container, key: str) -> dict[str, tuple[str, float, str]]:
    """Return each recording's analysis, score and verdict, as an integrator's key sees them."""
    with container.uow_factory(None) as uow:
        holder = accounts.resolve_api_key(uow=uow, key=key)
    assert holder.organisation_id == sandbox_organisation_id()
    found = {}
    with container.uow_factory(holder) as uow:
        for item in recordings.list_recordings(uow=uow, principal=holder, limit=100).items:
            view = recordings.get_recording(uow=uow, principal=holder, recording_id=item.id)
            assert view.analysis is not None, view.state
            assert view.analysis.pictures is PicturesState.PENDING, "a worker draws them"
            score = view.analysis.record.risk_score
            assert score is not None
            found[str(item.id)] = (str(view.analysis.id), score.value, view.analysis.record.verdict.value)
    return found


def upload_something(container: Container, clip: Path) -> None:
    """Upload to the sandbox, as somebody who tries it out does."""
    clip.write_bytes(b"a clip of their own")
    principal = Principal(organisation_id=sandbox_organisation_id(), role=Role.OWNER, display_name="tries")
    with container.uow_factory(principal) as uow:
        recording_intake.receive_recording(
            uow=uow,
            blobs=container.blobs,
            principal=principal,
            upload=StagedUpload(path=clip, filename="own.mp4", size_bytes=19, sha256="cd" * 32),
            probed=ProbedVideo(
                extension="mp4", container="mp4", codec="h264", width_px=720, height_px=1280, duration_s=3.0
            ),
        )


def test_sandbox_when_made_again_then_untouched_and_after_a_reset_the_same(
    commands: Commands, tmp_path: Path
) -> None:
    first = commands.run("sandbox")
    assert first.returncode == 0, first.stderr
    key = re.search(r"pl_live_\S+", first.stdout)
    assert key is not None
    with build_container(load_settings(**commands.settings)) as container:
        made = results(container, key[0])
        assert len(made) == N_RECORDINGS
        assert Verdict.INVALID.value not in {verdict for _, _, verdict in made.values()}

        again = commands.run("sandbox")
        assert again.returncode == 0, again.stderr
        assert "pl_live" not in again.stdout, "a key is shown once"
        assert results(container, key[0]) == made

        club = make_club(container.uow_factory)
        somebody = make_athlete(container.uow_factory, club)
        upload_something(container, tmp_path / "own.mp4")
        refused = commands.run("sandbox", "--reset")
        assert refused.returncode != 0
        assert "1 recordings that were uploaded" in refused.stderr
        reset = commands.run("sandbox", "--reset", "--discard")
        assert reset.returncode == 0, reset.stderr
        fresh = re.search(r"pl_live_\S+", reset.stdout)
        assert fresh is not None
        assert fresh[0] != key[0]
        assert results(container, fresh[0]) == made, "the same ids and numbers"
        with container.uow_factory(club.id) as uow:
            assert uow.athletes.find(organisation_id=club.id, athlete_id=somebody.id) is not None
        trails = verify_trails(container.uow_factory, organisation_id=sandbox_organisation_id())
        assert [trail.broken for trail in trails] == [None]


def test_sandbox_when_its_place_is_taken_then_left_alone(commands: Commands, database: DatabaseUrls) -> None:
    with renamed(database, "A real club"):
        for arguments in (("sandbox",), ("sandbox", "--reset", "--discard")):
            refused = commands.run(*arguments)
            assert refused.returncode != 0
            assert "left alone" in refused.stderr


@contextmanager
def renamed(database: DatabaseUrls, name: str) -> Iterator[None]:
    """Let an organisation of another name stand in the sandbox's place."""
    engine = create_engine(database.owner_url)
    for given in (name, NAME):
        with engine.begin() as connection:
            values = {"id": str(sandbox_organisation_id()), "name": given}
            connection.execute(text("SELECT set_config('app.org_id', :id, true)"), values)
            connection.execute(
                text(
                    "INSERT INTO organisation (id, name) VALUES (:id, :name) ON CONFLICT (id) DO UPDATE SET name = :name"
                ),
                values,
            )
        if given == name:
            yield
    engine.dispose()
