"""What routes need from the composition root, named one by one."""

from typing import Protocol, cast

from starlette.requests import HTTPConnection

from app.biomech.types import MethodStamp
from app.db.unit_of_work import UnitOfWorkFactory
from app.http.rate_limits import RateLimiter
from app.services.video_prober import VideoProber
from app.settings import Settings
from app.storage.blobs import BlobStore
from app.storage.partials import PartialFiles
from app.storage.staging import StagingArea


class Parts(Protocol):
    """The container as the routes see it."""

    @property
    def settings(self) -> Settings:
        """What was configured."""
        ...

    @property
    def uow_factory(self) -> UnitOfWorkFactory:
        """Makes units of work."""
        ...

    @property
    def blobs(self) -> BlobStore:
        """Where files are kept."""
        ...

    @property
    def staging(self) -> StagingArea:
        """Where uploads are received."""
        ...

    @property
    def partials(self) -> PartialFiles:
        """Where files that come in pieces are kept until they are whole."""
        ...

    @property
    def prober(self) -> VideoProber:
        """Takes the quick look at a file."""
        ...

    @property
    def method(self) -> MethodStamp:
        """What judges."""
        ...

    @property
    def rate_limiter(self) -> RateLimiter:
        """Counts who does what how often."""
        ...


def parts_of(connection: HTTPConnection) -> Parts:
    """Return the parts that `create_app` was given."""
    return cast("Parts", connection.app.state.parts)
