"""The generated Python client talks to the live service: made from the committed description, typed, errors and all."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.things import Things

ROOT = Path(__file__).parents[2]


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
    left_out = [line for line in said.splitlines() if "will not be generated" in line]
    assert all("/uploads" in line for line in left_out), said  # tus has clients of its own
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
