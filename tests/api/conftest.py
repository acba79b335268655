"""The server of each test module, and people who may ask it things."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Permission, Principal, Role
from app.http.identity import login_cookie_name
from app.http.rate_limits import RateLimiter
from app.jobs.memory_queue import MemoryQueue
from app.main import create_app
from app.services import accounts
from app.settings import Settings
from app.storage.local import LocalBlobStore
from app.storage.staging import StagingArea
from tests.api.support import PartsForTests, TrustingProber, serving

PASSWORD = "a long enough password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Club:
    """An organisation with an API key and an owner's login."""

    organisation_id: UUID
    principal: Principal
    client: httpx.Client
    api_key: str
    email: str


@pytest.fixture(scope="module")
def api_queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture(scope="module")
def parts(engine: Engine, api_queue: MemoryQueue, tmp_path_factory: pytest.TempPathFactory) -> PartsForTests:
    folder = tmp_path_factory.mktemp("api")
    settings = Settings(data_dir=folder, max_upload_bytes=2 * 1024 * 1024, min_free_bytes=0)
    blobs = LocalBlobStore(folder / "blobs")
    return PartsForTests(
        settings=settings,
        uow_factory=UnitOfWorkFactory(engine=engine, queue=api_queue),
        blobs=blobs,
        staging=StagingArea(folder / "blobs" / ".staging", min_free_bytes=0),
        prober=TrustingProber(),
        rate_limiter=RateLimiter(None),
    )


@pytest.fixture(scope="module")
def app(parts: PartsForTests) -> FastAPI:
    return create_app(parts)


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    with serving(app) as found:
        yield found


@pytest.fixture(scope="module")
def make_club(address: str, parts: PartsForTests) -> Iterator[Callable[[], Club]]:
    """Makes organisations; each test that writes makes its own."""
    clubs: list[Club] = []

    def make() -> Club:
        clubs.append(new_club(address, parts))
        return clubs[-1]

    yield make
    for club in clubs:
        club.client.close()


@pytest.fixture(scope="module")
def club(make_club: Callable[[], Club]) -> Club:
    """An organisation that the tests of a module share."""
    return make_club()


@pytest.fixture
def anonymous(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as client:
        yield client


@pytest.fixture
def browser(club: Club, anonymous: httpx.Client, parts: PartsForTests) -> httpx.Client:
    """A signed-in browser without an API key."""
    with parts.uow_factory(None) as uow:
        signed_in = accounts.sign_in(uow=uow, email=club.email, password=PASSWORD)
    anonymous.cookies.set(login_cookie_name(parts.settings), signed_in.token)
    return anonymous


def new_club(address: str, parts: PartsForTests) -> Club:
    email = f"{uuid4().hex}@example.org"
    with parts.uow_factory(None) as uow:
        organisation = accounts.create_organisation(uow=uow, name=f"Club {uuid4().hex[:8]}")
        user = accounts.create_user(
            uow=uow,
            organisation_id=organisation.id,
            email=email,
            display_name="Kim Owner",
            password=PASSWORD,
            role=Role.OWNER,
        )
    principal = Principal(
        organisation_id=organisation.id, role=Role.OWNER, display_name="Kim Owner", user_id=user.id
    )
    return Club(
        organisation_id=organisation.id,
        principal=principal,
        client=client_with_key(address, key := make_key(parts, principal)),
        api_key=key,
        email=email,
    )


def make_key(
    parts: PartsForTests, principal: Principal, *, scopes: frozenset[Permission] = frozenset(Permission)
) -> str:
    with parts.uow_factory(principal.organisation_id) as uow:
        return accounts.create_api_key(uow=uow, principal=principal, name="tests", scopes=scopes).key


def client_with_key(address: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30)


@pytest.fixture
def staged_files(parts: PartsForTests) -> Callable[[], list[Path]]:
    """Lists what lies in the staging area."""
    return lambda: sorted(parts.staging.directory.iterdir())
