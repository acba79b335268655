"""A club of one's own for every test."""

import pytest

from app.db.unit_of_work import UnitOfWorkFactory
from tests.factories import Club, make_club
from tests.services.webhook_desk import Desk


@pytest.fixture
def club(uow_factory: UnitOfWorkFactory) -> Club:
    return make_club(uow_factory)


@pytest.fixture
def rival(uow_factory: UnitOfWorkFactory) -> Club:
    """Another organisation, which must see nothing of the first."""
    return make_club(uow_factory, name="Rivals United")


@pytest.fixture
def desk(club: Club, uow_factory: UnitOfWorkFactory) -> Desk:
    return Desk(club=club, uow_factory=uow_factory)
