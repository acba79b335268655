"""The generated Python client talks to the live service: made from the committed description, typed, errors and all."""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from app.jobs.memory_queue import MemoryQueue
from app.jobs.names import ANALYSE_RECORDING
from app.jobs.queue import Job
from tests.api.conftest import Club
from tests.api.results import analyse
from tests.api.support import PartsForTests, fake_video
from tests.api.things import Things

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(
    r"(?ms)^```python\n(.*?)^```", (ROOT / "clients" / "python" / "README.md").read_text(encoding="utf-8")
)


class AnalysingQueue(MemoryQueue):
    """Has every recording analysed as soon as it is there."""

    parts: PartsForTests | None = None

    def send(self, job: Job) -> None:
        super().send(job)
        if job.name == ANALYSE_RECORDING and self.parts is not None:
            recording_id, organisation_id = map(UUID, job.args)
            analyse(self.parts, organisation_id=organisation_id, recording_id=recording_id)


@pytest.fixture(scope="module")
def api_queue() -> AnalysingQueue:
    return AnalysingQueue()


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Generate the client and return what finds a module of it."""
    folder = tmp_path_factory.mktemp("client")
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        script = importlib.import_module("client")
        said = script.generate(folder / "plumbline_client")
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    assert "will not be generated" not in said, said
    assert (folder / "plumbline_client" / "py.typed").exists()
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"plumbline_client{name}")
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def things(club: Club, parts: PartsForTests) -> Things:
    return Things(club=club, parts=parts)


def test_client_when_used_then_typed_answers_and_errors(
    generated: Any, address: str, club: Club, things: Things
) -> None:
    models: ModuleType = generated(".models")
    analysis_id = UUID(things.id_of("analysis_id"))
    with generated("").AuthenticatedClient(base_url=address, token=club.api_key) as client:
        made = generated(".api.roster.create_athlete").sync(
            client=client, body=models.AthleteFields(name="Alex Doe", external_id="S-1042")
        )
        assert isinstance(made, models.AthleteDetailOutput)
        listed = generated(".api.roster.list_athletes").sync(client=client, limit=200)
        assert made.id in {athlete.id for athlete in listed.items}
        refused = generated(".api.roster.create_athlete").sync_detailed(
            client=client, body=models.AthleteFields(name="Alex Doe", external_id="S-1042")
        )
        assert refused.status_code == 422
        assert isinstance(refused.parsed, models.ProblemDocument)
        assert refused.parsed.code == "invalid_input"
        found = generated(".api.analyses.get_analysis_by_id").sync(client=client, analysis_id=analysis_id)
        assert found.analysis.metrics[0].value == 12.3457
        assert found.analysis.metrics[0].side == models.Side.LEFT
        series = generated(".api.analyses.get_analysis_series").sync(client=client, analysis_id=analysis_id)
        assert {curve.name for curve in series.curves} >= {"fppa_left_deg", "trunk_lean_deg"}


@pytest.mark.parametrize("example", EXAMPLES, ids=["roster", "video"])
def test_example_of_the_readme_when_run_then_does_what_it_says(
    generated: Any,
    address: str,
    make_club: Callable[[], Club],
    parts: PartsForTests,
    api_queue: AnalysingQueue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    example: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api_queue, "parts", parts)
    (tmp_path / "jump.mp4").write_bytes(fake_video(20_000))
    own = example.replace("http://127.0.0.1:8000", address).replace("pl_live_…", make_club().api_key)
    assert own.count("4_000_000") <= 1
    exec(own.replace("4_000_000", "8_000"), {})  # noqa: S102 -- our own text, sent in three pieces
    told = capsys.readouterr().out
    assert "Alex Doe" in told or ("analysed" in told and "12.3457" in told)
