"""What the api takes before anybody asks it anything, and when it has been asked."""

import subprocess
import sys

import psutil
import pytest

from app.db.provision import DatabaseUrls
from tests.support.service import Service
from tests.support.valkey import ValkeyServer

MOST_MB = 200
LOOK = """
import sys, app.cli.processes, app.main, app.container
heavy = {"av", "cv2", "mediapipe", "ai_edge_litert", "matplotlib", "obstore", "segno", "scipy.special", "scipy.signal",
    "scipy.stats", "scipy.interpolate", "webauthn", "authlib", "joserfc"}
print(sorted(heavy & sys.modules.keys()))
"""


def test_api_when_loaded_then_neither_decoder_nor_engine_nor_analysis_nor_rare_sign_in_is_with_it() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_api_when_it_has_been_asked_then_it_takes_no_more_than_it_may(
    fresh_database: DatabaseUrls, valkey_server: ValkeyServer, request: pytest.FixtureRequest
) -> None:
    service = Service(urls=fresh_database, redis_url=valkey_server.url)
    request.addfinalizer(service.remove)
    api = psutil.Process(service.start_api().pid)
    with service.client() as client:
        athlete = client.post("/athletes", json={"name": "Ada"}).raise_for_status().json()
        for path in (
            f"/athletes/{athlete['id']}/history",
            "/recordings",
            "/analyses",
            "/exports/metrics.csv",
        ):
            client.get(path).raise_for_status()
    assert api.memory_info().rss < MOST_MB * 2**20
    assert "litert" not in "".join(mapped.path for mapped in api.memory_maps())
