"""How many clips a minute one worker process and two get done, and what the service adds: `make bench-scale`.

The real stack runs as `plumbline up` runs it, on a folder of its own. Every worker analyses one clip at a time on one
core, so that two of them share two cores and nothing is oversubscribed. An interactive clip, alone on the stack, is
timed from the first byte of the upload to the result; what that adds to the pipeline's own time is printed.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from app.container import build_container
from app.domain.access import Permission, Principal, Role
from app.domain.lifecycle import FINAL_STATES
from app.embedded.addresses import with_running_stack
from app.services import accounts
from app.settings import Settings, load_settings
from bench.speed import RESULTS, ROOT, machine, run

SAMPLE = ROOT / "samples" / "dvj_f_valgus20_60.mp4"
_START_S = 120.0
_ASK_EVERY_S, _ASK_BATCH_EVERY_S = 0.02, 0.25


class Stack:
    """A running service, and as many workers as asked for."""

    def __init__(self, folder: Path, *, pose_threads: int) -> None:
        """Start the stack with its one worker."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PLUMBLINE_")}
        self._environment = kept | {
            "PLUMBLINE_DATA_DIR": str(folder),
            "PLUMBLINE_PORT": str(self.port),
            "PLUMBLINE_WORKER_CONCURRENCY": "1",
            "PLUMBLINE_POSE_THREADS": str(pose_threads),
        }
        self._folder = folder
        self._log = (folder / "bench.log").open("ab")
        self._processes = [self._start("up")]
        wait(self._answers, timeout_s=_START_S, what="the service")
        self._key = self._make_club()

    def add_worker(self) -> None:
        """Start one more worker and wait until it is ready."""
        ready = self._folder / f"ready-{len(self._processes)}"
        self._processes.append(self._start("worker", "--ready-file", str(ready), more=self._addresses()))
        wait(ready.exists, timeout_s=_START_S, what="another worker")

    def client(self) -> httpx.Client:
        """Return a client with a key of the club."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1",
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=60,
        )

    def close(self) -> None:
        """Stop everything, the workers first."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        self._log.close()

    def _start(self, *arguments: str, more: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "app.cli", *arguments]
        environment = self._environment | (more or {})
        return subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)

    def _addresses(self) -> dict[str, str]:
        """Return where a worker of another machine would be told that database and broker are."""
        secrets = {
            name: getattr(self._settings(), name) for name in ("database_url", "redis_url", "secret_key")
        }
        return {f"PLUMBLINE_{name.upper()}": value.get_secret_value() for name, value in secrets.items()}

    def _settings(self) -> Settings:
        return with_running_stack(load_settings(data_dir=self._folder, port=self.port))

    def _answers(self) -> bool:
        if self._processes[0].poll() is not None:
            raise SystemExit(f"the service ended; see {self._folder / 'bench.log'}")
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _make_club(self) -> str:
        with build_container(self._settings()) as container:
            with container.uow_factory(None) as uow:
                club = accounts.create_organisation(uow=uow, name="Bench Club")
            principal = Principal(organisation_id=club.id, role=Role.OWNER, display_name="bench")
            with container.uow_factory(club.id) as uow:
                new = accounts.create_api_key(
                    uow=uow, principal=principal, name="bench", scopes=frozenset(Permission)
                )
        return new.key


@contextmanager
def stack(*, pose_threads: int) -> Iterator[Stack]:
    """Run a stack on a folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="plumbline-bench-"))
    running = None
    try:
        running = Stack(folder, pose_threads=pose_threads)
        yield running
    finally:
        if running is not None:
            running.close()
        shutil.rmtree(folder, ignore_errors=True)


def wait(holds: Callable[[], bool], *, timeout_s: float, what: str, every_s: float = 0.02) -> None:
    """Wait until something holds; give up with words."""
    ends_s = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > ends_s:
            raise SystemExit(f"{what} took longer than {timeout_s:.0f} s")
        time.sleep(every_s)


def analyse(client: httpx.Client, *, n_clips: int) -> float:
    """Upload clips and return the seconds until the last one has its result.

    A batch is asked after four times a second: to ask all the time would take the workers' cores from them.
    """
    content = SAMPLE.read_bytes()
    started_s = time.monotonic()
    waiting = set()
    for _ in range(n_clips):
        answer = client.post("/recordings", files={"file": (SAMPLE.name, content, "video/mp4")})
        answer.raise_for_status()
        waiting.add(answer.json()["id"])
    while waiting:
        for one in list(waiting):
            state = client.get(f"/recordings/{one}").json()["state"]
            if state == "failed":
                raise SystemExit("a clip failed")
            if state in FINAL_STATES:
                waiting.discard(one)
        time.sleep(_ASK_EVERY_S if n_clips == 1 else _ASK_BATCH_EVERY_S)
    return time.monotonic() - started_s


def let_pictures_finish() -> None:
    """Give the drawing that follows a batch the time it needs, so that it is not counted to the next."""
    time.sleep(10.0)


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clips", type=int, default=12, help="clips in a batch")
    parser.add_argument("--repeat", type=int, default=3, help="interactive clips that are timed")
    parser.add_argument("--json", type=Path, help="where to write the results; bench/results/ when not said")
    asked = parser.parse_args()
    described = machine()
    n_cores = os.cpu_count() or 1
    pipeline_s = statistics.median(run("ours", SAMPLE)["seconds"] for _ in range(asked.repeat))
    with stack(pose_threads=n_cores) as running, running.client() as client:
        analyse(client, n_clips=1)  # the first one meets cold caches
        alone_s = []
        for _ in range(asked.repeat):
            let_pictures_finish()
            alone_s.append(analyse(client, n_clips=1))
    batch_s: dict[str, float] = {}
    with stack(pose_threads=1) as running, running.client() as client:
        analyse(client, n_clips=1)
        for n_workers in (1, 2):
            if n_workers == 2:
                running.add_worker()
            let_pictures_finish()
            batch_s[str(n_workers)] = analyse(client, n_clips=asked.clips)
    result: dict[str, Any] = {
        "upload_to_result_s": statistics.median(alone_s),
        "pipeline_s": pipeline_s,
        "added_s": statistics.median(alone_s) - pipeline_s,
        "clips_per_minute": {n: 60.0 * asked.clips / seconds for n, seconds in batch_s.items()},
        "two_over_one": batch_s["1"] / batch_s["2"],
    }
    measured_at = datetime.now(UTC)
    document = {
        "schema": "plumbline.bench.scale/1",
        "measured_at": measured_at.isoformat(timespec="seconds"),
        "machine": described,
        "n_clips": asked.clips,
        **result,
    }
    target = asked.json or RESULTS / f"scale-{measured_at:%Y%m%d-%H%M%S}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{described['processor']}, {n_cores} cores; load before the run {described['load_before']}\n")
    print(f"upload to result, idle stack   {result['upload_to_result_s']:6.2f} s")
    print(f"the pipeline's own part        {pipeline_s:6.2f} s")
    print(f"added by the service           {result['added_s']:6.2f} s")
    for n, per_minute in result["clips_per_minute"].items():
        print(f"{n} worker process(es)          {per_minute:6.1f} clips a minute")
    print(f"two over one                   {result['two_over_one']:6.2f}\n\nWritten to {target}")


if __name__ == "__main__":
    main()
