"""The real application on a real database, asked as a browser asks: cookies, forms, redirects."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Role
from app.domain.errors import UnreadableVideoError
from app.http.identity import login_cookie_name
from app.http.rate_limits import RateLimiter
from app.jobs.memory_queue import MemoryQueue
from app.main import create_app
from app.services import accounts
from app.services.uploads import ProbedVideo
from app.settings import Settings
from app.storage.local import LocalBlobStore
from app.storage.partials import PartialFiles
from app.storage.staging import StagingArea
from app.web.forms import sign
from tests.factories import PASSWORD, PROBED, QUICK_PASSWORDS, Club, make_club
from tests.web.preview import serve

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
MAX_UPLOAD_BYTES = 4096

SignIn = Callable[[Club], httpx.Client]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """The parts the routes need."""

    settings: Settings
    uow_factory: UnitOfWorkFactory
    blobs: LocalBlobStore
    staging: StagingArea
    prober: Callable[[Path], ProbedVideo]
    rate_limiter: RateLimiter

    @property
    def partials(self) -> PartialFiles:
        return PartialFiles(self.staging.directory.with_name(".uploads"), min_free_bytes=0)


def look_at_first_bytes(path: Path) -> ProbedVideo:
    """A quick look that takes anything for a video that does not say otherwise."""
    if path.read_bytes().startswith(b"not a video"):
        raise UnreadableVideoError(
            "The file is not a video we can recognise.",
            how_to_fix="Choose the video itself (.mp4 or .mov), as the phone saved it.",
            reason="not_a_video",
        )
    return PROBED


@pytest.fixture(scope="module")
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture(scope="module")
def parts(engine: Engine, queue: MemoryQueue, tmp_path_factory: pytest.TempPathFactory) -> WebParts:
    folder = tmp_path_factory.mktemp("web")
    return WebParts(
        settings=Settings(data_dir=folder, max_upload_bytes=MAX_UPLOAD_BYTES, min_free_bytes=0),
        uow_factory=UnitOfWorkFactory(engine=engine, queue=queue),
        blobs=LocalBlobStore(folder / "blobs"),
        staging=StagingArea(folder / "blobs" / ".staging", min_free_bytes=0),
        prober=look_at_first_bytes,
        rate_limiter=RateLimiter(None),
    )


@pytest.fixture(scope="module")
def address(parts: WebParts) -> Iterator[str]:
    with serve(create_app(parts)) as found:
        yield found


def open_browser(address: str) -> httpx.Client:
    """A browser as the server sees it: it keeps cookies and says where a request comes from."""
    return httpx.Client(base_url=address, headers=SAME_ORIGIN | {"Origin": address}, timeout=30)


@pytest.fixture
def visitor(address: str) -> Iterator[httpx.Client]:
    """A browser that is not signed in."""
    with open_browser(address) as client:
        yield client


@pytest.fixture
def club(parts: WebParts) -> Club:
    return make_club(parts.uow_factory)


@pytest.fixture
def rival(parts: WebParts) -> Club:
    """Another organisation, which must see nothing of the first."""
    return make_club(parts.uow_factory, name="Rivals United")


@pytest.fixture
def browser_of(address: str, parts: WebParts) -> Iterator[SignIn]:
    """Returns a browser that is signed in as the club's owner."""
    opened: list[httpx.Client] = []

    def sign_in(club: Club) -> httpx.Client:
        client = open_browser(address)
        with parts.uow_factory(None) as uow:
            signed_in = accounts.sign_in(
                uow=uow, email=club.email, password=PASSWORD, passwords=QUICK_PASSWORDS
            )
        client.cookies.set(login_cookie_name(parts.settings), signed_in.token)
        opened.append(client)
        return client

    yield sign_in
    for client in opened:
        client.close()


@pytest.fixture
def browser(browser_of: SignIn, club: Club) -> httpx.Client:
    return browser_of(club)


@pytest.fixture
def onlooker(parts: WebParts, club: Club, browser_of: SignIn) -> httpx.Client:
    """A browser of a colleague who may look and change nothing."""
    email = f"viewer-{club.email}"
    with parts.uow_factory(None) as uow:
        accounts.create_user(
            uow=uow,
            organisation_id=club.id,
            email=email,
            display_name="Vic Viewer",
            password=PASSWORD,
            role=Role.VIEWER,
            passwords=QUICK_PASSWORDS,
        )
    return browser_of(Club(principal=club.as_role(Role.VIEWER), email=email))


def token_of(client: httpx.Client, parts: WebParts) -> str:
    """The form token of a signed-in browser."""
    login = client.cookies.get(login_cookie_name(parts.settings))
    return sign(f"login:{login}", parts.settings)


def token_in(answer: httpx.Response) -> str:
    """The form token that a page carries."""
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', answer.text)
    assert found is not None
    return found[1]
