"""Rows of every table for two organisations, made through the services."""

from datetime import UTC, datetime
from uuid import uuid4

from app.domain.access import Permission, Role
from app.domain.athletes import AthleteChange
from app.domain.consent import Purpose, Relation
from app.domain.exports import ExportFormat
from app.domain.metric_export import MetricExportFilter
from app.domain.sign_in import StepKind
from app.domain.webhooks import PostFailure, PostOutcome, WebhookPolicy
from app.services import logins, members, oauth, sign_in_rules, webhooks
from app.services.accounts import create_api_key
from app.services.athletes import edit_athlete
from app.services.captures import CaptureRequest, announce_capture
from app.services.consents import make_guardian_link, record_consent
from app.services.day_stations import ClipRequest, announce_clip, make_pass
from app.services.deliver_webhooks import Courier
from app.services.exports import ask_export
from app.services.members import Place
from app.services.moves import merge_athletes
from app.services.outbox import Post
from app.services.privacy import change_rules
from app.services.roster_imports import start_import
from app.services.screening_days import DayPlan, plan_day
from app.services.sealing import Seal
from app.services.sign_in_steps import begin_step
from app.services.webhook_config import WebhookConfig
from tests.factories import (
    PASSWORD,
    QUICK_PASSWORDS,
    make_athlete,
)


def let_people_in(uow_factory, club, *, team, athlete):
    """Make a key limited to a team, a guardian linked to an athlete, and a way to a new password."""
    principal = club.principal
    with uow_factory(principal) as uow:
        scopes = frozenset({Permission.ROSTER_READ})
        key = create_api_key(uow=uow, principal=principal, name="key", scopes=scopes, team_ids=(team.id,))
        sign_in_rules.change_rule(uow=uow, principal=principal, roles=frozenset({Role.VIEWER}), grace_days=7)
        uow.providers.save(
            organisation_id=club.id, name="Club", issuer="https://login.example.org", client_id="us", secret_sealed=b"s",
            email_domains=["example.org"], default_role=None, is_enabled=True,
        )  # fmt: skip
        uow.providers.add_link(
            organisation_id=club.id,
            issuer="https://login.example.org",
            subject="1",
            user_id=principal.user_id,
        )
        link = Place(role=Role.ATHLETE, athlete_ids=frozenset({athlete.id}))
        email = f"guardian-{club.email}"
        token = members.invite(uow=uow, principal=principal, email=email, place=link).token
        post = Post(base_url="https://screen.example.org", seal=Seal("a secret of this test"))
        logins.issue_reset(uow=uow, principal=principal, user_id=principal.user_id, post=post)
    with uow_factory(None) as uow:
        members.accept_invitation(
            uow=uow, token=token, display_name="Gil Guardian", password=PASSWORD, passwords=QUICK_PASSWORDS
        )
    with uow_factory(None) as uow:
        uow.sign_in.add_passkey(
            user_id=principal.user_id, credential_id=uuid4().bytes, public_key=b"key", sign_count=0, name="Key",
            is_synced=False,
        )  # fmt: skip
        begin_step(uow=uow, kind=StepKind.SECOND_FACTOR, user_id=principal.user_id)
        secret = key.key.removeprefix(f"{key.summary.prefix}_")
        oauth.issue_token(uow=uow, client_id=key.summary.prefix, client_secret=secret)


def announce(uow_factory, club, *, athlete):
    """Wait for a file."""
    request = CaptureRequest(athlete_id=athlete.id)
    with uow_factory(club.principal) as uow:
        announce_capture(uow=uow, principal=club.principal, request=request, max_bytes=1000)


def tell_others(uow_factory, club, *, athlete):
    """Leave an endpoint, a message about the athlete, a delivery and an attempt at it, and an export."""
    principal = club.principal
    config = WebhookConfig(secret_key="k" * 40, base_url="https://screen.example.org")
    with uow_factory(principal) as uow:
        webhooks.create_webhook(uow=uow, principal=principal, config=config, url="https://hooks.example.org/")
    with uow_factory(principal) as uow:
        edit_athlete(
            uow=uow, principal=principal, athlete_id=athlete.id, change=AthleteChange(sport="netball")
        )
    refusing = PostOutcome(duration_ms=1, status=500, failure=PostFailure.STATUS)
    courier = Courier(
        uow_factory=uow_factory,
        post=lambda _url, *, headers, body: refusing,
        config=config,
        policy=WebhookPolicy(),
    )
    for endpoint_id in courier.hand_out(club.id):
        courier.deliver(club.id, endpoint_id)
    with uow_factory(principal) as uow:
        everything = MetricExportFilter()
        ask_export(uow=uow, principal=principal, file_format=ExportFormat.PARQUET, wanted=everything)


def film_at_a_station(uow_factory, club, *, team, athlete):
    """Plan a day, open its station for a phone, and wait for a video from there."""
    principal = club.principal
    with uow_factory(principal) as uow:
        plan = DayPlan(team_id=team.id, held_on=datetime.now(UTC).date())
        day = plan_day(uow=uow, principal=principal, plan=plan)
        station_id = day.stations[0].id
        make_pass(uow=uow, principal=principal, day_id=day.id, station_id=station_id)
        request = ClipRequest(station_id=station_id, athlete_id=athlete.id)
        announce_clip(uow=uow, principal=principal, day_id=day.id, request=request, max_bytes=1000)


def merge_a_double(uow_factory, club, *, into):
    """Leave an id in another system, a tombstone, an act that can be undone, and a file that is looked at."""
    double = make_athlete(uow_factory, club, name="Ada B.")
    with uow_factory(club.id) as uow:
        change = AthleteChange(external_ids={"vald": "v-1"})
        edit_athlete(uow=uow, principal=club.principal, athlete_id=double.id, change=change)
        merge_athletes(uow=uow, principal=club.principal, into_id=into.id, other_id=double.id)
        settle_privacy(uow, club.principal, athlete_id=into.id)
        start_import(uow=uow, principal=club.principal, filename="roster.csv", content=b"name\nBea Cole\n")


def settle_privacy(uow, principal, *, athlete_id):
    """Leave rules, a text, a decision, a link and an erasure."""
    change_rules(
        uow=uow, principal=principal, changes={"consent_text": "Plain words about what is filmed. " * 2}
    )
    purposes = {Purpose.SCREENING: True, Purpose.SHARE_WITH_COACH: True}
    record_consent(
        uow=uow,
        principal=principal,
        athlete_id=athlete_id,
        given_by="Kim Doe",
        relation=Relation.PARENT,
        purposes=purposes,
    )
    make_guardian_link(uow=uow, principal=principal, athlete_id=athlete_id)
    uow.retention.add_erasure(
        organisation_id=principal.organisation_id,
        athlete_id=athlete_id,
        reason="on_request",
        recording_ids=(),
        receipt={},
        actor=principal,
    )
