"""The service as separate real processes that a test may kill: api and worker, on a database and a broker of the test's."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import create_engine, text

from app.container import Container, build_container
from app.db.provision import DatabaseUrls
from app.domain.access import Permission, Principal, Role
from app.domain.lifecycle import FINAL_STATES
from app.services import accounts
from app.settings import load_settings
from tests.support import logbook
from tests.support.processes import environment, free_port, plumbline, wait_until

SAMPLE = Path(__file__).resolve().parent.parent.parent / "samples" / "dvj_f_valgus20_60.mp4"


class Service:
    """An api and workers; `settings` are made for quick recovery."""

    def __init__(self, *, urls: DatabaseUrls, redis_url: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="plumbline-service-"))
        self.reads = self.folder / "reads"
        self.port = free_port()
        self._urls = urls
        self._settings: dict[str, object] = {
            "data_dir": self.folder, "database_url": urls.app_url, "redis_url": redis_url, "port": self.port,
            "lease_s": 4.0, "sweep_interval_s": 1.0, "worker_concurrency": 1, "min_free_bytes": 0,
            "webhook_private_targets": True,
        }  # fmt: skip
        self._processes: list[subprocess.Popen[bytes]] = []
        self._key = self._make_club()

    def start_api(self) -> subprocess.Popen[bytes]:
        process = self._start(plumbline("api"), log="api.log")
        wait_until(self.answers, timeout_s=90, what=self._log("api.log"))
        return process

    def start_slow_worker(self, *, seconds: float, drawing_s: float | None = None) -> subprocess.Popen[bytes]:
        drawing = () if drawing_s is None else (str(drawing_s),)
        command = (sys.executable, "-m", "tests.support.slow_worker", str(seconds), str(self.reads), *drawing)
        return self._start(command, log="worker.log")

    def start_reanalysis_worker(self, *, seconds: float) -> subprocess.Popen[bytes]:
        command = (sys.executable, "-m", "tests.support.reanalysis_worker", str(seconds))
        return self._start(command, log="worker.log")

    def start_webhook_worker(self) -> subprocess.Popen[bytes]:
        return self._start((sys.executable, "-m", "tests.support.webhook_worker"), log="worker.log")

    def container(self) -> Container:
        """The service's parts in this process; close it."""
        return build_container(load_settings(**self._settings))

    def principal(self) -> Principal:
        """The owner of the service's club."""
        return Principal(organisation_id=self.club_id, role=Role.OWNER, display_name="test")

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self._start(plumbline("worker", "--beat"), log="worker.log")

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=10).is_success
        except httpx.TransportError:
            return False

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1",
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=60,
        )

    def upload(self, *, key: str | None = None) -> httpx.Response:
        with self.client() as client, SAMPLE.open("rb") as file:
            return client.post(
                "/recordings",
                files={"file": (SAMPLE.name, file, "video/mp4")},
                headers={"Idempotency-Key": key or uuid4().hex},
            )

    def recording(self, recording_id: str) -> dict[str, Any]:
        with self.client() as client:
            answer = client.get(f"/recordings/{recording_id}")
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def wait_for(
        self, recording_id: str, holds: Callable[[dict[str, Any]], bool], *, timeout_s: float
    ) -> float:
        return wait_until(
            lambda: holds(self.recording(recording_id)),
            timeout_s=timeout_s,
            what=lambda: f"{self.recording(recording_id)}\n{self._log('worker.log')()}",
        )

    def wait_until_final(self, recording_id: str, *, timeout_s: float = 60) -> float:
        return self.wait_for(recording_id, lambda found: found["state"] in FINAL_STATES, timeout_s=timeout_s)

    def n_recordings(self) -> int:
        with self.client() as client:
            return len(client.get("/recordings", params={"limit": 200}).json()["items"])

    def n_analyses(self, recording_id: str) -> int:
        """Count the rows themselves, past everything that could hide one."""
        engine = create_engine(self._urls.owner_url)
        try:
            with engine.begin() as connection:
                connection.execute(
                    text("SELECT set_config('app.org_id', :id, true)"), {"id": str(self.club_id)}
                )
                count = connection.execute(
                    text("SELECT count(*) FROM analysis WHERE recording_id = :id"), {"id": UUID(recording_id)}
                )
                return int(count.scalar_one())
        finally:
            engine.dispose()

    @contextmanager
    def holding_file(self, sha256: str) -> Iterator[None]:
        """Decide about this file ourselves: nobody makes a recording of it before this is left."""
        engine = create_engine(self._urls.owner_url)
        try:
            with engine.begin() as connection:
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 2))"),
                    {"name": f"{self.club_id}:{sha256}"},
                )
                yield
        finally:
            engine.dispose()

    def n_reads(self) -> int:
        return len(self.reads.read_text().splitlines()) if self.reads.exists() else 0

    def remove(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        logbook.keep(self.folder)
        subprocess.run(["rm", "-rf", str(self.folder)], check=True)

    def _start(self, command: tuple[str, ...], *, log: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(
                command, env=environment(**self._settings), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=SAMPLE.parent.parent, start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)
        return process

    def _log(self, name: str) -> Callable[[], str]:
        return lambda: (self.folder / name).read_text()[-3000:] if (self.folder / name).exists() else "no log"

    def _make_club(self) -> str:
        with build_container(load_settings(**self._settings)) as container:
            with container.uow_factory(None) as uow:
                club = accounts.create_organisation(uow=uow, name="Fault Club")
            principal = Principal(organisation_id=club.id, role=Role.OWNER, display_name="test")
            with container.uow_factory(club.id) as uow:
                new = accounts.create_api_key(
                    uow=uow, principal=principal, name="test", scopes=frozenset(Permission)
                )
        self.club_id = club.id
        return new.key
