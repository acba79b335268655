"""How the service answers when it is full: `make bench-load`, or `python -m bench.load --quick`.

Two databases are filled once and kept under `.cache/bench-load`: 200 organisations with 10,000 athletes and 100,000
analyses, and the same with ten times as many. A real api process answers on a real socket, on PostgreSQL as
`plumbline up` starts it. Each request asks for something else, so that few find their rows in memory. Times are taken by
the client on the same machine: the server's own and a little more. Beside them stands what a request cost in time of
processors, of the api and the database together, which other work on the machine changes less. Screenings that are asked
for were judged before, as workers do after each analysis.
"""

import argparse
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
from sqlalchemy import Engine, text

from app.db.engine import make_engine
from app.db.provision import DatabaseUrls
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Permission, Principal, Role
from app.jobs.memory_queue import MemoryQueue
from app.services import accounts, athlete_history
from bench.load_seed import SeedSize, seeded_database
from bench.load_server import LoadServers, load_servers
from bench.speed import RESULTS, ROOT, machine

SIZES = (SeedSize(n_organisations=200, n_athletes=10_000), SeedSize(n_organisations=200, n_athletes=100_000))
QUICK = (SeedSize(n_organisations=10, n_athletes=200), SeedSize(n_organisations=10, n_athletes=1_000))
N_CLUBS = 12
N_REQUESTS = 120
N_ATHLETES = 40
"""Of each organisation, that are asked for."""
EXPORT_ROWS = 1_000_000
LIMIT_MS, LIMIT_GROWTH = 150.0, 1.5
_NAMES = ("ada", "ber", "oko", "joh", "mül", "and", "sch", "h-12", "zoë la", "noor v", "li", "o'b")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadClub:
    """One organisation with somebody who may ask for everything, and ids to ask for."""

    organisation_id: str
    key: str
    cookie: str
    n_analyses: int
    teams: tuple[str, ...]
    squad: str
    athletes: tuple[str, ...]
    recordings: tuple[str, ...]
    instants: tuple[str, ...]


Ask = Callable[[httpx.Client, LoadClub, random.Random], httpx.Response]


def _get(path: str, **params: Any) -> Ask:
    """Return a request whose places in braces are filled with an id of the club's."""

    def ask(client: httpx.Client, club: LoadClub, chance: random.Random) -> httpx.Response:
        picked = {
            "team": chance.choice(club.teams),
            "squad": club.squad,
            "athlete": chance.choice(club.athletes),
            "recording": chance.choice(club.recordings),
            "instant": chance.choice(club.instants),
            "name": chance.choice(_NAMES),
        }
        filled = {name: str(value).format(**picked) for name, value in params.items()}
        is_api = path.startswith("/api/")
        headers = (
            {"Authorization": f"Bearer {club.key}"} if is_api else {"Cookie": f"plumbline={club.cookie}"}
        )
        return client.get(path.format(**picked), params=filled, headers=headers)

    return ask


CASES: dict[str, Ask] = {
    "dashboard of a team of 25 (page)": _get("/teams/{team}"),
    "dashboard of a squad of 400 (page)": _get("/teams/{squad}"),
    "dashboard of a team of 25 (API)": _get("/api/v1/teams/{team}/athletes"),
    "athlete (page)": _get("/athletes/{athlete}"),
    "athlete": _get("/api/v1/athletes/{athlete}"),
    "athlete's recordings": _get("/api/v1/recordings", athlete_id="{athlete}"),
    "athlete's history": _get("/api/v1/athletes/{athlete}/history"),
    "search by name": _get("/api/v1/athletes", search="{name}"),
    "recording (page)": _get("/recordings/{recording}"),
    "recording (API)": _get("/api/v1/recordings/{recording}"),
    "sync, 100 analyses": _get("/api/v1/analyses", modified_from="{instant}", limit="100"),
    "sync of a team, 100 analyses": _get("/api/v1/analyses", modified_from="{instant}", team_id="{team}"),
    "sync, 500 analyses": _get("/api/v1/analyses", modified_from="{instant}", limit="500"),
}
GROWS_WITH_THE_CLUB = frozenset({"dashboard of a squad of 400 (page)"})
"""In the small database most squads are smaller, so their growth says nothing of the table's size."""


def measure_size(servers: LoadServers, urls: DatabaseUrls, *, n_requests: int) -> dict[str, Any]:
    """Start an api on the database and ask it everything."""
    admin = make_engine(urls.owner_url.replace("plumbline_owner@", "postgres@"))
    app = make_engine(urls.app_url)
    try:
        clubs = find_clubs(admin, app)
        judge_screenings(app, clubs)
        with running_api(servers, urls) as api:
            database = Path(servers.folder)
            times = {
                name: time_case(api, ask, clubs, n_requests=n_requests, database=database)
                for name, ask in CASES.items()
            }
            return {
                "start_s": api.start_s,
                "memory_mb_at_start": api.memory_mb_at_start,
                "loads_a_pose_engine": api.loads_a_pose_engine(),
                "cases": times,
                "memory_mb_after": api.memory_mb(),
                "export": time_export(api, clubs),
            }
    finally:
        admin.dispose()
        app.dispose()


def time_case(
    api: "RunningApi", ask: Ask, clubs: list[LoadClub], *, n_requests: int, database: Path
) -> dict[str, float | int]:
    """Ask one thing of every club in turns, each time with another id."""
    chance = random.Random(7)  # noqa: S311  # the same ids every time
    times_ms: list[float] = []
    n_bytes = 0
    spent_s = 0.0
    with httpx.Client(base_url=api.address, timeout=60) as client:
        for number in range(n_requests + len(clubs)):
            if number == len(clubs):
                spent_s = processor_s(api, database)
            club = clubs[number % len(clubs)]
            started_s = time.perf_counter()
            answer = ask(client, club, chance)
            elapsed_ms = (time.perf_counter() - started_s) * 1000
            if answer.status_code != 200:
                raise SystemExit(f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}")
            if number >= len(clubs):  # the first round opens connections and plans
                times_ms.append(elapsed_ms)
                n_bytes += len(answer.content)
        spent_s = processor_s(api, database) - spent_s
    cuts = statistics.quantiles(times_ms, n=20)
    return {
        "p50_ms": round(statistics.median(times_ms), 1),
        "p95_ms": round(cuts[18], 1),
        "max_ms": round(max(times_ms), 1),
        "processor_ms": round(spent_s * 1000 / len(times_ms), 1),
        "n": len(times_ms),
        "kb": round(n_bytes / len(times_ms) / 1024, 1),
    }


def processor_s(api: "RunningApi", folder: Path) -> float:
    """Return the time of processors that the api and the database's processes have had so far."""
    postmaster = psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))
    total_s = api.processor_s()
    for process in (postmaster, *postmaster.children()):
        with contextlib.suppress(psutil.NoSuchProcess):  # a connection that was closed meanwhile
            total_s += _spent_s(process)
    return total_s


def _spent_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user) + float(times.system)


def judge_screenings(app: Engine, clubs: list[LoadClub]) -> None:
    """Judge the screenings of everybody who will be asked for."""
    factory = UnitOfWorkFactory(engine=app, queue=MemoryQueue())
    for club in clubs:
        principal = Principal(
            organisation_id=UUID(club.organisation_id), role=Role.OWNER, display_name="bench"
        )
        for athlete_id in club.athletes:
            with factory(principal) as uow:
                athlete_history.get_history(uow=uow, principal=principal, athlete_id=UUID(athlete_id))


def time_export(api: "RunningApi", clubs: list[LoadClub]) -> dict[str, float | int]:
    """Stream the export of the largest club, over a million rows in the large database; of others too where it has fewer."""
    n_rows = n_bytes = 0
    before_mb = api.memory_mb()
    started_s = time.perf_counter()
    with api.watched() as peak_mb, httpx.Client(base_url=api.address, timeout=120) as client:
        for club in cycle(sorted(clubs, key=lambda club: -club.n_analyses)):
            headers = {"Authorization": f"Bearer {club.key}"}
            with client.stream("GET", "/api/v1/exports/metrics.csv", headers=headers) as answer:
                for chunk in answer.iter_bytes():
                    n_rows += chunk.count(b"\n")
                    n_bytes += len(chunk)
            if n_rows >= EXPORT_ROWS:
                break
    seconds = time.perf_counter() - started_s
    return {
        "rows": n_rows,
        "mb": round(n_bytes / 2**20, 1),
        "seconds": round(seconds, 1),
        "rows_per_s": round(n_rows / seconds),
        "memory_mb_before": before_mb,
        "memory_mb_peak": peak_mb[0],
    }


def find_clubs(admin: Engine, app: Engine) -> list[LoadClub]:
    """Choose organisations from the largest to the smallest, and let somebody into each."""
    with admin.connect() as connection:
        sizes = connection.execute(
            text("SELECT organisation_id, count(*) AS n FROM analysis_feed GROUP BY 1 ORDER BY 2 DESC")
        ).all()
    step = max(1, len(sizes) // N_CLUBS)
    factory = UnitOfWorkFactory(engine=app, queue=MemoryQueue())
    return [_let_in(admin, factory, row.organisation_id, row.n) for row in sizes[::step][:N_CLUBS]]


def _let_in(admin: Engine, factory: UnitOfWorkFactory, organisation_id: Any, n_analyses: int) -> LoadClub:
    email, password = f"bench-{time.time_ns()}@example.org", "four plain words here"
    principal = Principal(organisation_id=organisation_id, role=Role.OWNER, display_name="bench")
    with factory(None) as uow:
        accounts.create_user(
            uow=uow,
            organisation_id=organisation_id,
            email=email,
            display_name="bench",
            password=password,
            role=Role.OWNER,
        )
    with factory(None) as uow:
        cookie = accounts.sign_in(uow=uow, email=email, password=password).token
    with factory(organisation_id) as uow:
        key = accounts.create_api_key(
            uow=uow, principal=principal, name="bench", scopes=frozenset(Permission)
        ).key
    with admin.connect() as connection:

        def some(statement: str, limit: int = 200) -> tuple[str, ...]:
            values = {"org": organisation_id, "limit": limit, "n_athletes": N_ATHLETES}
            return tuple(str(found) for found in connection.scalars(text(statement), values))

        athletes = some(
            "SELECT id FROM athlete WHERE organisation_id = :org ORDER BY md5(id::text) LIMIT :limit",
            N_ATHLETES,
        )
        return LoadClub(
            organisation_id=str(organisation_id),
            key=key,
            cookie=cookie,
            n_analyses=n_analyses,
            teams=some(
                "SELECT id FROM team WHERE organisation_id = :org AND name <> 'Squad' ORDER BY md5(id::text) LIMIT :limit"
            ),
            squad=some("SELECT id FROM team WHERE organisation_id = :org AND name = 'Squad' LIMIT :limit")[0],
            athletes=athletes,
            recordings=some(
                "SELECT r.id FROM recording r WHERE r.organisation_id = :org AND r.state = 'analysed' AND r.athlete_id IN"
                " (SELECT a.id FROM athlete a WHERE a.organisation_id = :org ORDER BY md5(a.id::text) LIMIT :n_athletes)"
                " ORDER BY md5(r.id::text) LIMIT :limit"
            ),
            instants=some(
                "SELECT to_char(modified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM analysis_feed"
                " WHERE organisation_id = :org ORDER BY md5(analysis_id::text) LIMIT :limit"
            ),
        )


class RunningApi:
    """An api process of ours, and how much memory it takes."""

    def __init__(self, process: subprocess.Popen[bytes], *, address: str) -> None:
        """Watch a process that was just started."""
        self.address = address
        self.start_s = 0.0
        self.memory_mb_at_start = 0.0
        self._process = psutil.Process(process.pid)

    def processor_s(self) -> float:
        """Return the time of processors it has had so far."""
        return _spent_s(self._process)

    def memory_mb(self) -> float:
        """Return what is resident now."""
        return round(self._process.memory_info().rss / 2**20, 1)

    def loads_a_pose_engine(self) -> bool:
        """Say whether MediaPipe or LiteRT is in the process."""
        maps = Path(f"/proc/{self._process.pid}/maps")
        return maps.exists() and any(word in maps.read_text() for word in ("mediapipe", "litert"))

    @contextmanager
    def watched(self) -> Iterator[list[float]]:
        """Yield a list whose only entry is the highest memory seen until the block ends."""
        peak, ended = [self.memory_mb()], threading.Event()

        def watch() -> None:
            while not ended.wait(0.05):
                peak[0] = max(peak[0], self.memory_mb())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield peak
        finally:
            ended.set()
            thread.join()


@contextmanager
def running_api(servers: LoadServers, urls: DatabaseUrls) -> Iterator[RunningApi]:
    """Start one api process and stop it again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "DATA_DIR": servers.folder / "api",
        "DATABASE_URL": urls.app_url,
        "REDIS_URL": servers.redis_url,
        "PORT": port,
        "LOG_LEVEL": "WARNING",
        "MIN_FREE_BYTES": 0,
    }
    environment = os.environ | {f"PLUMBLINE_{name}": str(value) for name, value in settings.items()}
    started_s = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "app.cli", "api"], env=environment, cwd=ROOT)
    try:
        api = RunningApi(process, address=f"http://127.0.0.1:{port}")
        while not _answers(api.address):
            if process.poll() is not None or time.perf_counter() - started_s > 60:
                raise SystemExit("the api did not start")
            time.sleep(0.02)
        api.start_s = round(time.perf_counter() - started_s, 2)
        api.memory_mb_at_start = api.memory_mb()
        yield api
    finally:
        process.terminate()
        process.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=5).is_success
    except httpx.TransportError:
        return False


def table(small: dict[str, Any], large: dict[str, Any], sizes: tuple[SeedSize, ...]) -> str:
    """Return the times side by side."""
    first, second = (f"{size.n_athletes:,}" for size in sizes)
    lines = [
        f"| request | p50 ms, {first} athletes | p95 ms | processor ms | p50 ms, {second} athletes | p95 ms | processor ms"
        " | p50 grows | processor grows | kB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, before in small["cases"].items():
        after = large["cases"][name]
        growth, cost = (
            "" if name in GROWS_WITH_THE_CLUB else f"{after[kind] / before[kind]:.2f}"
            for kind in ("p50_ms", "processor_ms")
        )
        lines.append(
            f"| {name} | {before['p50_ms']} | {before['p95_ms']} | {before['processor_ms']} | {after['p50_ms']}"
            f" | {after['p95_ms']} | {after['processor_ms']} | {growth} | {cost} | {after['kb']} |"
        )
    export = large["export"]
    lines += [
        "",
        f"Export of {export['rows']:,} numbers as CSV ({export['mb']} MB): {export['seconds']} s, {export['rows_per_s']:,} a"
        f" second; the api grew from {export['memory_mb_before']} to {export['memory_mb_peak']} MB.",
        f"The api answered {large['start_s']} s after its start and took {large['memory_mb_at_start']} MB then.",
    ]
    return "\n".join(lines)


def shortfalls(small: dict[str, Any], large: dict[str, Any]) -> list[str]:
    """Return what misses the goals: 150 ms at the 95th percentile, growth below 1.5 times, 200 MB, no pose engine."""
    found = []
    for name, after in large["cases"].items():
        if after["p95_ms"] >= LIMIT_MS:
            found.append(f"{name}: p95 {after['p95_ms']} ms")
        growth = after["p50_ms"] / small["cases"][name]["p50_ms"]
        if growth >= LIMIT_GROWTH and name not in GROWS_WITH_THE_CLUB:
            found.append(f"{name}: grows {growth:.2f} times")
    if large["export"]["memory_mb_peak"] > 200:
        found.append(f"the api took {large['export']['memory_mb_peak']} MB")
    if large["loads_a_pose_engine"]:
        found.append("the api loaded a pose engine")
    return found


def main() -> None:
    """Fill what is missing, measure, print, keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small databases, for a first look")
    parser.add_argument("--requests", type=int, default=N_REQUESTS, help="measured requests of each kind")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the result")
    options = parser.parse_args()
    sizes = QUICK if options.quick else SIZES
    folder = ROOT / ".cache" / "bench-load"
    with load_servers(folder, seeding=True) as servers:
        urls = [seeded_database(servers.admin_url, size, say=print) for size in sizes]
    with load_servers(folder) as servers:
        results = [measure_size(servers, each, n_requests=options.requests) for each in urls]
    print(table(results[0], results[1], sizes))
    for line in shortfalls(*results):
        print("misses the goal:", line)
    if not options.quick:
        document = {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "sizes": [
                {
                    "organisations": size.n_organisations,
                    "athletes": size.n_athletes,
                    "recordings": size.n_recordings,
                }
                for size in sizes
            ],
            "results": results,
            "misses": shortfalls(*results),
        }
        path = options.out / f"load-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
        path.write_text(json.dumps(document, indent=1) + "\n")
        print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


if __name__ == "__main__":
    main()
