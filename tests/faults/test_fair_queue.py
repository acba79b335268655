"""A real worker, a real broker: a club that sends thirty videos does not keep another one waiting for all of them."""

import pytest

from app.domain.access import Principal, Role
from app.domain.lifecycle import FINAL_STATES
from app.services import accounts, recordings
from tests.factories import Club, make_recording
from tests.support.processes import wait_until
from tests.support.service import Service

pytestmark = pytest.mark.faults

N_QUEUED = 30


def test_club_when_another_has_thirty_waiting_then_its_one_is_served_second(service: Service) -> None:
    with service.container() as container:
        with container.uow_factory(None) as uow:
            other = accounts.create_organisation(uow=uow, name="The Other Club")
        many = Club(principal=service.principal(), email="")
        one = Club(
            principal=Principal(organisation_id=other.id, role=Role.OWNER, display_name="test"), email=""
        )
        made = {"folder": service.folder, "uow_factory": container.uow_factory, "blobs": container.blobs}
        theirs = [make_recording(club=many, **made).recording.id for _ in range(N_QUEUED)]
        mine = make_recording(club=one, **made).recording.id

        def n_done() -> int:
            with container.uow_factory(many.id) as uow:
                page = recordings.list_recordings(uow=uow, principal=many.principal, limit=200)
            return sum(item.state in FINAL_STATES for item in page.items)

        def is_mine_done() -> bool:
            with container.uow_factory(one.id) as uow:
                view = recordings.get_recording(uow=uow, principal=one.principal, recording_id=mine)
            return view.state in FINAL_STATES

        service.start_slow_worker(seconds=0.3)
        wait_until(is_mine_done, timeout_s=90, what="the other club's one video", every_s=0.02)
        assert len(theirs) == N_QUEUED
        assert n_done() <= 2
