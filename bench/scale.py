"""How many clips a minute one worker process and two get done, and what the service adds: `make bench-scale`.

The real stack runs as `plumbline up` runs it, on a folder of its own. Every worker analyses one clip at a time on one
core, so that two of them share two cores and nothing is oversubscribed. An interactive clip, alone on the stack, is
timed from the first byte of the upload to the result; what that adds to the pipeline's own time is printed. Beside the times
stands what each part spent of the cores, which other work on the machine changes less.
"""

import argparse
import contextlib
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
import psutil

from app.container import build_container
from app.domain.access import Permission, Principal, Role
from app.domain.lifecycle import FINAL_STATES
from app.embedded.addresses import with_running_stack
from app.services import accounts
from app.settings import Settings, load_settings
from bench.speed import RESULTS, ROOT, machine, run

SAMPLE = ROOT / "samples" / "dvj_f_valgus20_60.mp4"
_START_S = 120.0
_ASK_BATCH_EVERY_S = 0.25
MAX_CLIPS = 100
"""In a batch: what one question of the list can tell of."""
READERS = "readers"
_PARTS = {
    "postgres": "database",
    "valkey-server": "queue",
    "workers.sandbox_child": READERS,
    "app.media.probe_child": "api",
    "api": "api",
    "worker": "worker",
}
"""A word of a process's command -> what it is; the first that fits."""


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

    def spent_s(self) -> dict[str, float]:
        """Return the time of processors that each part has had so far, that of its ended children included."""
        spent = dict.fromkeys(_PARTS.values(), 0.0)
        ours = [psutil.Process(process.pid) for process in self._processes]
        for process in [*ours, *(child for each in ours for child in each.children(recursive=True))]:
            with contextlib.suppress(psutil.NoSuchProcess):
                words = process.cmdline()
                name = next((part for word, part in _PARTS.items() if _names(words, word)), None)
                if name is not None:
                    spent[name] += _spent_s(process, with_ended=name in {READERS, "api"})
        return spent

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


def _names(words: list[str], program: str) -> bool:
    """Say whether a command line is that of a program: its path, its module, or what PostgreSQL calls its processes."""
    return any(
        said == program or said.endswith(f"/{program}") or said.startswith(f"{program}:") for said in words
    )


def _spent_s(process: psutil.Process, *, with_ended: bool) -> float:
    times = process.cpu_times()
    ended_s = times.children_user + times.children_system if with_ended else 0.0
    return float(times.user + times.system + ended_s)


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


def upload(client: httpx.Client) -> str:
    """Send the sample; return the recording's id."""
    files = {"file": (SAMPLE.name, SAMPLE.read_bytes(), "video/mp4")}
    return str(client.post("/recordings", files=files).raise_for_status().json()["id"])


def analyse_one(client: httpx.Client) -> float:
    """Upload a clip and return the seconds until its result is told by the recording's own stream of events.

    To ask for the recording all the time would take the cores from the reader.
    """
    started_s = time.monotonic()
    recording_id = upload(client)
    with client.stream("GET", f"/recordings/{recording_id}/events") as events:
        for line in events.iter_lines():
            told = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
            if told.get("state") == "failed":
                raise SystemExit("the clip failed")
            if told.get("final"):
                return time.monotonic() - started_s
    raise SystemExit("the clip took too long")


def analyse_batch(client: httpx.Client, *, n_clips: int) -> float:
    """Upload clips and return the seconds until the last one has its result; one question for all, now and then."""
    started_s = time.monotonic()
    waiting = {upload(client) for _ in range(n_clips)}
    while waiting:
        time.sleep(_ASK_BATCH_EVERY_S)
        page = client.get("/recordings", params={"limit": MAX_CLIPS}).raise_for_status().json()["items"]
        states = {item["id"]: item["state"] for item in page if item["id"] in waiting}
        if "failed" in states.values():
            raise SystemExit("a clip failed")
        waiting -= {one for one, state in states.items() if state in FINAL_STATES}
    return time.monotonic() - started_s


def let_pictures_finish() -> None:
    """Give the drawing that follows a batch the time it needs, so that it is not counted to the next."""
    time.sleep(10.0)


def measure_alone(*, repeat: int, n_cores: int) -> tuple[float, dict[str, float]]:
    """Return the seconds from upload to result of a clip alone on the stack, and what each part spent on it."""
    with stack(pose_threads=n_cores) as running, running.client() as client:
        for _ in range(2):
            analyse_one(client)  # the first ones meet cold caches
        times_s: list[float] = []
        spent_s = dict.fromkeys(_PARTS.values(), 0.0)
        for _ in range(repeat):
            let_pictures_finish()
            before = running.spent_s()
            times_s.append(analyse_one(client))
            after = running.spent_s()
            spent_s = {part: spent_s[part] + (after[part] - before[part]) / repeat for part in spent_s}
    return statistics.median(times_s), spent_s


def measure_batches(*, n_clips: int) -> dict[str, dict[str, Any]]:
    """Return for one worker of one core, and for two, how fast a batch went and what a clip cost of the cores."""
    found: dict[str, dict[str, Any]] = {}
    with stack(pose_threads=1) as running, running.client() as client:
        analyse_one(client)
        for n_workers in (1, 2):
            if n_workers == 2:
                running.add_worker()
            let_pictures_finish()
            before = running.spent_s()
            seconds = analyse_batch(client, n_clips=n_clips)
            after = running.spent_s()
            spent_s = {part: (after[part] - before[part]) / n_clips for part in after}
            found[str(n_workers)] = {
                "seconds": seconds,
                "clips_per_minute": 60.0 * n_clips / seconds,
                "cores_busy": n_clips * sum(spent_s.values()) / seconds,
                "processor_s_per_clip": spent_s,
            }
    return found


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clips", type=int, default=12, help=f"clips in a batch, at most {MAX_CLIPS}")
    parser.add_argument("--repeat", type=int, default=3, help="interactive clips that are timed")
    parser.add_argument("--json", type=Path, help="where to write the results; bench/results/ when not said")
    asked = parser.parse_args()
    described, n_cores = machine(), os.cpu_count() or 1
    pipeline = [run("ours", SAMPLE) for _ in range(asked.repeat)]
    pipeline_s, pipeline_cpu_s = (
        statistics.median(each[key] for each in pipeline) for key in ("seconds", "cpu_s")
    )
    alone_s, alone_spent_s = measure_alone(repeat=asked.repeat, n_cores=n_cores)
    batches = measure_batches(n_clips=min(asked.clips, MAX_CLIPS))
    measured_at = datetime.now(UTC)
    document = {
        "schema": "plumbline.bench.scale/2",
        "measured_at": measured_at.isoformat(timespec="seconds"),
        "machine": described,
        "n_clips": asked.clips,
        "upload_to_result_s": alone_s,
        "pipeline_s": pipeline_s,
        "added_s": alone_s - pipeline_s,
        "added_processor_s": sum(alone_spent_s.values()) - pipeline_cpu_s,
        "processor_s": alone_spent_s,
        "batches": batches,
        "two_over_one": batches["1"]["seconds"] / batches["2"]["seconds"],
    }
    target = asked.json or RESULTS / f"scale-{measured_at:%Y%m%d-%H%M%S}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{described['processor']}, {n_cores} cores; load before the run {described['load_before']}\n")
    print(f"upload to result, idle stack   {alone_s:6.2f} s")
    print(f"the pipeline's own part        {pipeline_s:6.2f} s")
    print(f"added by the service           {alone_s - pipeline_s:6.2f} s")
    print(f"   of processors               {document['added_processor_s']:6.2f} s")
    print(f"   by part                     {_in_words(alone_spent_s)}")
    for n, batch in batches.items():
        print(f"{n} worker process(es)          {batch['clips_per_minute']:6.1f} clips a minute")
        print(f"   cores kept busy             {batch['cores_busy']:6.2f}")
        print(f"   by part, each clip          {_in_words(batch['processor_s_per_clip'])}")
    print(f"two over one                   {document['two_over_one']:6.2f}\n\nWritten to {target}")


def _in_words(spent_s: dict[str, float]) -> str:
    return ", ".join(f"{part} {seconds:.2f} s" for part, seconds in spent_s.items())


if __name__ == "__main__":
    main()
