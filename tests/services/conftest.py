"""A club of one's own for every test."""

import pytest

from app.db.unit_of_work import UnitOfWorkFactory
from tests.factories import Club, make_club


@pytest.fixture
def club(uow_factory: UnitOfWorkFactory) -> Club:
    return make_club(uow_factory)


@pytest.fixture
def rival(uow_factory: UnitOfWorkFactory) -> Club:
    """Another organisation, which must see nothing of the first."""
    return make_club(uow_factory, name="Rivals United")
