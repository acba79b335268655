"""One transaction, its repositories and the jobs that follow it. The only file that commits.

::

    with uow_factory(principal) as uow:
        receive_recording(uow=uow, ...)

What a principal changes stands in the audit trail, or it does not happen: such a unit of work refuses to commit
changes of which nothing was told (`uow.audit.record`). Work of the service itself names an organisation instead.

Leaving cleanly commits, then sends the deferred jobs; leaving with an error drops both. A broker that
cannot be reached is no error: the row is committed, and the sweeper sends its job again.
SQLAlchemy's ``after_commit`` event would not do: it fires when a savepoint is released, too.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from types import TracebackType
from typing import Self
from uuid import UUID

from sqlalchemy import Engine, text

from app.biomech.types import Verdict
from app.db.engine import TenantSession
from app.db.repositories.accounts import AccountRepository
from app.db.repositories.analyses import AnalysisRepository
from app.db.repositories.athletes import AthleteRepository
from app.db.repositories.audit import AuditRepository
from app.db.repositories.captures import CaptureRepository
from app.db.repositories.changes import ChangeRepository
from app.db.repositories.corrections import CorrectionRepository
from app.db.repositories.days import DayRepository
from app.db.repositories.deliveries import DeliveryRepository
from app.db.repositories.export_jobs import ExportJobRepository
from app.db.repositories.exports import ExportRepository
from app.db.repositories.feed import FeedRepository
from app.db.repositories.idempotency import IdempotencyRepository
from app.db.repositories.imports import ImportRepository
from app.db.repositories.links import LinkRepository
from app.db.repositories.mail import MailRepository
from app.db.repositories.members import MemberRepository
from app.db.repositories.pictures import PicturesRepository
from app.db.repositories.placements import PlacementRepository
from app.db.repositories.privacy import PrivacyRepository
from app.db.repositories.providers import ProviderRepository
from app.db.repositories.quotas import QuotaRepository
from app.db.repositories.reanalyses import ReanalysisRepository
from app.db.repositories.recordings import RecordingRepository
from app.db.repositories.retention import RetentionRepository
from app.db.repositories.roster import RosterRepository
from app.db.repositories.screenings import ScreeningRepository
from app.db.repositories.sign_in import SignInRepository
from app.db.repositories.stations import StationRepository
from app.db.repositories.webhooks import Telling, WebhookRepository
from app.domain.access import Principal
from app.domain.consent import Withheld
from app.domain.webhooks import EVENT_OF_ACT, EVENT_OF_ORIGIN, EVENT_OF_STEP, WebhookEvent
from app.jobs.names import DELIVER_WEBHOOKS
from app.jobs.queue import DEFAULT, Job, JobQueue, QueueUnavailableError

_log = logging.getLogger(__name__)

BOOKKEEPING = frozenset({"idempotency_key", "roster_import", "screening_judgement"})
"""Tables whose rows are means, not ends: writing to them alone is no act. Add one only with the reason here.

idempotency_key: what it remembers is told by the act that it belongs to.
roster_import: answers about a file that is looked at; sending, dropping and importing it are told.
screening_judgement: follows from the results, and is written down by whoever reads them first.
"""


class UnauditedWriteError(Exception):
    """A mistake in our code: something was changed for a principal, and nothing told to the audit trail."""


class UnitOfWork:
    """A transaction of one organisation, entered once. No statement runs before a repository is used."""

    accounts: AccountRepository
    sign_in: SignInRepository
    providers: ProviderRepository
    members: MemberRepository
    links: LinkRepository
    mail: MailRepository
    roster: RosterRepository
    athletes: AthleteRepository
    changes: ChangeRepository
    imports: ImportRepository
    placements: PlacementRepository
    privacy: PrivacyRepository
    retention: RetentionRepository
    captures: CaptureRepository
    days: DayRepository
    stations: StationRepository
    quotas: QuotaRepository
    recordings: RecordingRepository
    analyses: AnalysisRepository
    screenings: ScreeningRepository
    feed: FeedRepository
    exports: ExportRepository
    export_jobs: ExportJobRepository
    pictures: PicturesRepository
    corrections: CorrectionRepository
    reanalyses: ReanalysisRepository
    idempotency: IdempotencyRepository
    webhooks: WebhookRepository
    deliveries: DeliveryRepository
    audit: AuditRepository

    def __init__(
        self,
        *,
        engine: Engine,
        send: Callable[[Job], None],
        organisation_id: UUID | None,
        principal: Principal | None = None,
    ) -> None:
        """Prepare; `__enter__` opens it. For a principal, changes without a word to the trail are refused."""
        self.organisation_id = organisation_id
        self._must_tell = principal is not None
        self._send = send
        self._session = TenantSession(
            bind=engine,
            organisation_id=organisation_id,
            limited_to=None if principal is None else principal.limited_to,
            sees_withheld=Withheld.NOT
            if principal is not None and principal.is_coach
            else Withheld.FROM_COACHES,
        )
        self._jobs: list[Job] = []
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        """Hang the repositories on it."""
        self.accounts = AccountRepository(self._session)
        self.sign_in = SignInRepository(self._session)
        self.providers = ProviderRepository(self._session)
        self.members = MemberRepository(self._session)
        self.links = LinkRepository(self._session)
        self.mail = MailRepository(self._session)
        self.roster = RosterRepository(self._session)
        self.athletes = AthleteRepository(self._session)
        self.changes = ChangeRepository(self._session)
        self.imports = ImportRepository(self._session)
        self.placements = PlacementRepository(self._session)
        self.privacy = PrivacyRepository(self._session)
        self.retention = RetentionRepository(self._session)
        self.captures = CaptureRepository(self._session)
        self.days = DayRepository(self._session)
        self.stations = StationRepository(self._session)
        self.quotas = QuotaRepository(self._session)
        self.recordings = RecordingRepository(self._session)
        self.analyses = AnalysisRepository(self._session)
        self.screenings = ScreeningRepository(self._session)
        self.feed = FeedRepository(self._session)
        self.exports = ExportRepository(self._session)
        self.export_jobs = ExportJobRepository(self._session)
        self.pictures = PicturesRepository(self._session)
        self.corrections = CorrectionRepository(self._session)
        self.reanalyses = ReanalysisRepository(self._session)
        self.idempotency = IdempotencyRepository(self._session)
        self.webhooks = WebhookRepository(self._session)
        self.deliveries = DeliveryRepository(self._session)
        self.audit = AuditRepository(self._session)
        return self

    def enter(self, organisation_id: UUID) -> None:
        """Go on as this organisation, in a unit of work that was opened for none to find out who is asking."""
        self._session.enter(organisation_id)
        self.organisation_id = organisation_id

    def ping(self) -> None:
        """Ask the database anything; raise when it does not answer."""
        self._session.execute(text("SELECT 1"))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Drop what is done inside, what was told of it and the jobs, and only that, when it ends with an error."""
        written, n_jobs = set(self._session.written_tables), len(self._jobs)
        try:
            with self._session.begin_nested(), self.audit.dropped_on_error():
                yield
        except BaseException:
            self._session.written_tables = written
            del self._jobs[n_jobs:]
            raise

    def hold(self, name: str) -> None:
        """Wait until nobody else holds this name, and hold it until the end: edits of one thing go one after another."""
        self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 4))"), {"name": f"edit:{name}"}
        )

    def show_withheld(self) -> None:
        """See analyses that are kept from everybody, to the end of this transaction: for removing them."""
        self._session.execute(
            text("SELECT set_config('app.sees_withheld', :sees, true)"),
            {"sees": str(int(Withheld.FROM_EVERYBODY))},
        )

    def defer(self, job: Job) -> None:
        """Send this job once the transaction is committed, and only then."""
        self._jobs.append(job)

    def on_drop(self, undo: Callable[[], None]) -> None:
        """Call this when the transaction is dropped, to remove what lies outside the database.

        Not called when the commit itself fails: the database may have committed before the line broke.
        """
        self._undo.append(undo)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Commit and send, or drop both."""
        try:
            if exc_type is None:
                self._finish()
            else:
                self._drop()
        finally:
            self._session.close()

    def _finish(self) -> None:
        try:
            self._session.flush()
            self._check_told()
            self._tell_others()
            self.audit.write()
        except BaseException:
            self._drop()
            raise
        self._session.commit()
        for job in self._jobs:
            self._send(job)

    def _check_told(self) -> None:
        changed = self._session.written_tables - BOOKKEEPING
        if self._must_tell and changed and self.audit.is_empty:
            msg = (
                f"{', '.join(sorted(changed))}: changed for a principal, but nothing told to the audit trail."
                " In the service: uow.audit.record(actor=principal, act=Act.…, object_id=…);"
                " a new kind of act is a member of app.domain.audit.Act."
            )
            raise UnauditedWriteError(msg)

    def _tell_others(self) -> None:
        """Write what other systems asked to be told of, in this very transaction; a job then sends it."""
        told = [
            Telling(
                event=EVENT_OF_STEP[step.trigger], recording_id=step.recording_id, content={"run": step.run}
            )
            for step in self.recordings.steps
            if step.trigger in EVENT_OF_STEP
        ]
        for added in self.analyses.added:
            content = {
                "analysis_id": added.analysis_id,
                "supersedes_id": added.supersedes_id,
                "run": added.run,
            }
            events = [EVENT_OF_ORIGIN[added.origin], WebhookEvent.SCREENING_JUDGED]
            if added.verdict is Verdict.ATTENTION:
                events.append(WebhookEvent.RECORDING_NEEDS_REVIEW)
            told += [
                Telling(event=event, recording_id=added.recording_id, content=content) for event in events
            ]
        for act, object_id in self.audit.told:
            if act in EVENT_OF_ACT:
                event, name = EVENT_OF_ACT[act]
                athlete_id = object_id if name == "athlete_id" else None
                told.append(Telling(event=event, athlete_id=athlete_id, content={name: object_id}))
        if self.webhooks.write(told):
            self.defer(Job(name=DELIVER_WEBHOOKS, args=(str(self.organisation_id),), queue=DEFAULT))

    def _drop(self) -> None:
        self._session.rollback()
        for undo in reversed(self._undo):
            try:
                undo()
            except Exception:  # noqa: BLE001 the first error is the one to tell; leftovers are swept at night
                _log.exception("could not undo a dropped unit of work")


class UnitOfWorkFactory:
    """Makes units of work; one per process, safe to share between threads."""

    def __init__(self, *, engine: Engine, queue: JobQueue) -> None:
        """Keep the pool and the queue."""
        self._engine = engine
        self._queue = queue
        self._lock = Lock()
        self._n_unsent_jobs = 0

    def __call__(self, whose: Principal | UUID | None) -> UnitOfWork:
        """Return a unit of work that sees one organisation alone; None sees no athlete data at all.

        With a principal, what is changed must be told to the audit trail; with an organisation's id it is the
        service itself that works.
        """
        if isinstance(whose, Principal):
            return UnitOfWork(
                engine=self._engine,
                send=self._send,
                organisation_id=whose.organisation_id,
                principal=whose,
            )
        return UnitOfWork(engine=self._engine, send=self._send, organisation_id=whose)

    @property
    def n_unsent_jobs(self) -> int:
        """Jobs the broker did not take since the process started."""
        return self._n_unsent_jobs

    def _send(self, job: Job) -> None:
        try:
            self._queue.send(job)
        except QueueUnavailableError:
            with self._lock:
                self._n_unsent_jobs += 1
            _log.warning("broker did not take job %s; the sweeper will send it again", job.name)
