"""What the load bench fills a database with is what the service makes, so that its answers mean something."""

import json
from uuid import UUID

from sqlalchemy import create_engine, make_url, text

from app.db.provision import DatabaseUrls
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Principal, Role
from app.domain.metric_export import MetricExportFilter
from app.services import analysis_feed, metric_export, recordings, roster
from bench.load_seed import METRICS, MORE_METRICS, SeedSize, seed

SIZE = SeedSize(n_organisations=2, n_athletes=60)


def test_seed_when_small_then_services_read_it_like_rows_of_their_own(
    postgres_url: str, fresh_database: DatabaseUrls, fresh_uow_factory: UnitOfWorkFactory
) -> None:
    database = make_url(fresh_database.app_url).database
    admin = create_engine(make_url(postgres_url).set(database=database), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        seed(connection, SIZE, say=lambda line: None)
        club_id: UUID = connection.scalars(
            text("SELECT organisation_id FROM athlete GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
        ).one()
        n_analyses: int = connection.scalars(
            text("SELECT count(*) FROM analysis WHERE organisation_id = :id"), {"id": club_id}
        ).one()
    admin.dispose()
    principal = Principal(organisation_id=club_id, role=Role.OWNER, display_name="test")
    whose = {"principal": principal}
    with fresh_uow_factory(club_id) as uow:
        teams = roster.list_teams(uow=uow, **whose).items
        board = roster.team_dashboard(uow=uow, team_id=teams[0].id, **whose)
        assert board.counts.n_screened > 0
        assert len(board.rows) == board.counts.n_athletes == teams[0].n_athletes
        surname = board.rows[0].athlete.name.split()[-1]
        assert board.rows[0].athlete in roster.list_athletes(uow=uow, search=surname, **whose).items
        listed = recordings.list_recordings(uow=uow, athlete_id=board.rows[0].athlete.id, **whose)
        assert len(listed.items) == 10
        shown = recordings.get_recording(uow=uow, recording_id=listed.items[-1].id, **whose)
        assert shown.analysis is not None
        fed = analysis_feed.list_changed_analyses(uow=uow, limit=500, **whose).items
        assert len(fed) == n_analyses
    batches = metric_export.read_metric_rows(
        uow_factory=fresh_uow_factory, principal=principal, wanted=MetricExportFilter()
    )
    told = [json.loads(record.analysis.summary) for record in fed if record.analysis is not None]
    n_scored = sum(summary["score"] is not None for summary in told)
    assert sum(map(len, batches)) == n_scored * (len(METRICS) + len(MORE_METRICS))
    assert sum(len(summary["metrics"]) for summary in told) == n_scored * (len(METRICS) + len(MORE_METRICS))
