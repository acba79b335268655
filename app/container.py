"""Composition root: settings in; engine, unit of work, storage, queue and clock out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

from celery import Celery
from sqlalchemy import Engine

from app.biomech.method import METHOD_VERSION
from app.biomech.types import MethodStamp
from app.db.engine import make_engine
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.webhooks import WebhookPolicy
from app.http.post import post_of
from app.http.rate_limits import RateLimiter
from app.http.webhook_config import webhook_config
from app.integrations.webhook_post import WebhookPost
from app.jobs.celery_queue import CeleryQueue, make_celery
from app.jobs.queue import JobQueue
from app.mail.mailer import Mailer
from app.mail.smtp import SmtpMailer, SmtpServer
from app.media.probe import VideoProbe
from app.pose.bundle import model_sha256
from app.services.deliver_webhooks import Courier
from app.services.sealing import Seal, seal_of
from app.services.video_prober import SandboxedProber, VideoProber
from app.services.webhook_notices import tell_owners
from app.services.work_policy import WorkPolicy
from app.settings import Settings
from app.storage.blobs import BlobStore
from app.storage.local import LocalBlobStore
from app.storage.partials import PartialFiles
from app.storage.staging import StagingArea

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What a process works with; one per process, made once, passed on, closed at its end."""

    settings: Settings
    engine: Engine
    celery: Celery
    queue: JobQueue
    uow_factory: UnitOfWorkFactory
    blobs: BlobStore
    staging: StagingArea
    partials: PartialFiles
    probe: VideoProbe
    """What `prober` has files looked at by; started ahead where files arrive."""
    prober: VideoProber
    rate_limiter: RateLimiter
    mailer: Mailer | None
    """None where no mail server is configured."""
    seal: Seal
    method: MethodStamp
    policy: WorkPolicy
    courier: Courier
    clock: Clock

    def close(self) -> None:
        """Give every connection back."""
        self.probe.close()
        self.engine.dispose()
        self.celery.close()

    def __enter__(self) -> Self:
        """Return the container."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def build_container(settings: Settings) -> Container:
    """Make every part from the settings; nothing is connected to yet. Raise `SettingsError` when one is missing."""
    celery = make_celery(settings.require_redis_url(), job_timeout_s=settings.job_timeout_s)
    engine = make_engine(settings.require_database_url())
    queue = CeleryQueue(celery)
    uow_factory = UnitOfWorkFactory(engine=engine, queue=queue)
    webhooks = webhook_config(settings)
    probe = VideoProbe()
    return Container(
        settings=settings,
        engine=engine,
        celery=celery,
        queue=queue,
        uow_factory=uow_factory,
        blobs=open_blobs(settings),
        staging=StagingArea(settings.staging_dir, min_free_bytes=settings.min_free_bytes),
        partials=PartialFiles(settings.partials_dir, min_free_bytes=settings.min_free_bytes),
        probe=probe,
        prober=SandboxedProber(max_duration_s=settings.max_duration_s, probe=probe),
        rate_limiter=RateLimiter(settings.require_redis_url()),
        mailer=open_mailer(settings),
        seal=seal_of(settings.secret_key.get_secret_value()),
        method=method_stamp(settings.pose_model),
        policy=work_policy(settings),
        courier=Courier(
            uow_factory=uow_factory,
            post=WebhookPost(
                user_agent=f"Plumbline/{version('plumbline')}", allow_private=webhooks.allow_private
            ),
            config=webhooks,
            policy=WebhookPolicy(),
            on_disabled=partial(tell_owners, post=post_of(settings)),
        ),
        clock=utc_now,
    )


def method_stamp(model: Path | None) -> MethodStamp:
    """Return what every analysis of this process is signed with; `model` is None for the one in the package."""
    return MethodStamp(
        version=METHOD_VERSION, model_sha256=model_sha256(model), code_version=version("plumbline")
    )


def open_blobs(settings: Settings) -> BlobStore:
    """Open the store the settings name."""
    if settings.blob_dir is not None:
        return LocalBlobStore(settings.blob_dir)
    from app.storage.s3 import open_s3  # its client only where there is such a store

    secret = settings.s3_secret_access_key
    return open_s3(
        settings.blob_url,
        endpoint_url=settings.s3_endpoint_url,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=None if secret is None else secret.get_secret_value(),
    )


def open_mailer(settings: Settings) -> Mailer | None:
    """Return the way to the mail server the settings name, or None when they name none."""
    if settings.smtp_host is None:
        return None
    password = settings.smtp_password
    return SmtpMailer(
        SmtpServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            sender=settings.mail_from or "",
            user=settings.smtp_user,
            password=None if password is None else password.get_secret_value(),
        )
    )


def work_policy(settings: Settings) -> WorkPolicy:
    """Return how often and how long a recording is tried."""
    return WorkPolicy(
        lease_s=settings.lease_s,
        max_attempts=settings.max_attempts,
        resend_after_s=3 * settings.sweep_interval_s,
        heartbeat_s=min(1.0, settings.lease_s / 4),
    )


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
