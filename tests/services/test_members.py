"""People of an organisation: invited, limited, changed, removed; and their own way in."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from app.domain.access import MEMBER_ROLES, PERMISSIONS, Permission, Role
from app.domain.errors import (
    ForbiddenError,
    InvalidCredentialsError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    StaleStateError,
)
from app.services import accounts, logins, members, privacy, recording_intake, recordings, roster
from app.services.audit import list_audit
from app.services.members import Place
from tests.factories import (
    PASSWORD,
    QUICK_PASSWORDS,
    finish_recording,
    make_athlete,
    make_recording,
    make_team,
)

NEW_PASSWORD = "another four plain words"
TRAINER = Place(role=Role.TRAINER)


@pytest.fixture
def invite(uow_factory, club):
    def run(place=TRAINER, email="sam@example.org", by=club):
        with uow_factory(by.principal) as uow:
            return members.invite(uow=uow, principal=by.principal, email=email, place=place)

    return run


@pytest.fixture
def join(uow_factory):
    def run(token, *, name="Sam Trainer", password=PASSWORD):
        with uow_factory(None) as uow:
            return members.accept_invitation(
                uow=uow, token=token, display_name=name, password=password, passwords=QUICK_PASSWORDS
            )

    return run


@pytest.fixture
def member(invite, join, club):
    """Makes a member and returns their id and address."""

    def run(place=TRAINER, name="sam"):
        email = f"{name}-{club.email}"
        return join(invite(place, email).token), email

    return run


@pytest.fixture
def sign_in(uow_factory):
    def run(email, password=PASSWORD):
        with uow_factory(None) as uow:
            signed_in = accounts.sign_in(uow=uow, email=email, password=password, passwords=QUICK_PASSWORDS)
        with uow_factory(None) as uow:
            return signed_in.token, accounts.resolve_login(uow=uow, token=signed_in.token)

    return run


@pytest.fixture
def resolve(uow_factory):
    def run(token):
        with uow_factory(None) as uow:
            return accounts.resolve_login(uow=uow, token=token)

    return run


def test_permissions_when_listed_then_only_owners_run_the_organisation():
    running = {Permission.MEMBERS_MANAGE, Permission.KEYS_MANAGE}
    assert {role for role in Role if running & PERMISSIONS[role]} == {Role.OWNER}
    assert PERMISSIONS[Role.OWNER] == frozenset(Permission)
    assert PERMISSIONS.keys() == set(Role)
    for role in (Role.VIEWER, Role.ATHLETE):
        assert {permission.value.partition(":")[2] for permission in PERMISSIONS[role]} == {"read"}


def test_permissions_when_documented_then_as_the_code_has_them():
    lines = (Path(__file__).parents[2] / "docs" / "operations.md").read_text().splitlines()
    start = lines.index(
        "| permission | owner | clinician | trainer | viewer | athlete | integration | station |"
    )
    roles = [Role(cell.strip()) for cell in lines[start].strip("| ").split("|")[1:]]
    documented = {}
    for line in lines[start + 2 :]:
        if not line.startswith("| `"):
            break
        name, *cells = line.strip().removeprefix("|").removesuffix("|").split("|")
        granted = {role for role, cell in zip(roles, cells, strict=True) if cell.strip()}
        documented[name.strip(" `")] = granted
    assert documented == {
        permission.value: {role for role in Role if permission in PERMISSIONS[role]}
        for permission in Permission
    }


def test_invitation_when_accepted_then_the_person_can_sign_in_as_what_they_were_invited(
    invite, join, sign_in, club
):
    new = invite(email=f" Sam-{club.email.upper()} ")
    join(new.token)
    _, principal = sign_in(f"sam-{club.email}")
    assert (principal.organisation_id, principal.role, principal.display_name) == (
        club.id,
        Role.TRAINER,
        "Sam Trainer",
    )
    assert new.token not in repr(new)


def test_invitation_when_used_twice_then_refused(invite, join):
    token = invite(email="twice@example.org").token
    join(token)
    with pytest.raises(InvalidCredentialsError):
        join(token)


def test_invitation_when_two_use_it_at_once_then_one_comes_in(invite, join, club):
    token = invite(email=f"race-{club.email}").token
    barrier, outcomes = threading.Barrier(2), []

    def run():
        barrier.wait()
        try:
            outcomes.append(join(token) is not None)
        except InvalidCredentialsError:
            outcomes.append(False)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, True]


@pytest.mark.parametrize("end", ["revoked", "invited again", "too old"])
def test_invitation_when_it_is_over_then_its_link_opens_nothing(invite, join, uow_factory, club, engine, end):
    new = invite(email=f"late-{club.email}")
    if end == "revoked":
        with uow_factory(club.principal) as uow:
            members.revoke_invitation(uow=uow, principal=club.principal, invitation_id=new.invitation.id)
    elif end == "invited again":
        invite(email=f"late-{club.email}")
    else:
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE invitation SET expires_at = now() WHERE id = :id"), {"id": new.invitation.id}
            )
    with pytest.raises(InvalidCredentialsError):
        join(new.token)


def test_invitation_when_the_password_is_bad_then_the_link_stays_good(invite, join):
    token = invite(email="weak@example.org").token
    for weak in ("short", "password12345", "aaaaaaaaaaaaaa", "weak@example.org"):
        with pytest.raises(InvalidInputError):
            join(token, password=weak)
    assert join(token)


def test_invitation_when_the_person_has_an_account_then_only_their_password_opens_it(
    invite, join, rival, club, uow_factory
):
    token = invite(email=rival.email).token
    with uow_factory(None) as uow:
        assert members.look_at_invitation(uow=uow, token=token).has_account
    with pytest.raises(InvalidCredentialsError):
        join(token, password="not the right password")
    assert join(token) == rival.principal.user_id
    with uow_factory(club.principal) as uow:
        assert members.get_member(
            uow=uow, principal=club.principal, user_id=rival.principal.user_id
        ).role is (Role.TRAINER)


@pytest.mark.parametrize(
    "place",
    [
        Place(role=Role.INTEGRATION),
        Place(role=Role.ATHLETE),
        Place(role=Role.OWNER, team_ids=frozenset()),
    ],
)
def test_invitation_when_the_place_makes_no_sense_then_refused(invite, place):
    with pytest.raises(InvalidInputError):
        invite(place)


def test_invitation_when_it_names_another_organisations_team_then_not_found(invite, uow_factory, rival):
    team = make_team(uow_factory, rival)
    with pytest.raises(NotFoundError):
        invite(Place(role=Role.TRAINER, team_ids=frozenset({team.id})))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OWNER}))
def test_members_when_managed_by_others_than_owners_then_forbidden(uow_factory, club, role):
    principal = club.as_role(role)
    calls = (
        lambda uow: members.list_members(uow=uow, principal=principal),
        lambda uow: members.invite(uow=uow, principal=principal, email="a@example.org", place=TRAINER),
        lambda uow: members.remove_member(uow=uow, principal=principal, user_id=principal.user_id),
        lambda uow: logins.issue_reset(uow=uow, principal=principal, user_id=principal.user_id),
    )
    for call in calls:
        with pytest.raises(ForbiddenError), uow_factory(principal) as uow:
            call(uow)


def test_last_owner_when_demoted_or_removed_then_refused(uow_factory, club):
    me = club.principal
    with pytest.raises(StaleStateError, match="last owner"), uow_factory(me) as uow:
        members.remove_member(uow=uow, principal=me, user_id=me.user_id)
    with pytest.raises(StaleStateError, match="last owner"), uow_factory(me) as uow:
        members.change_member(uow=uow, principal=me, user_id=me.user_id, place=TRAINER)


def test_owners_when_two_remove_each_other_at_once_then_one_stays(uow_factory, club, member):
    other_id, _ = member(Place(role=Role.OWNER))
    me = club.principal
    barrier = threading.Barrier(2)

    def remove(actor, user_id):
        barrier.wait()
        try:
            with uow_factory(actor) as uow:
                members.remove_member(uow=uow, principal=actor, user_id=user_id)
        except (StaleStateError, NotFoundError):
            pass

    threads = [
        threading.Thread(target=remove, args=(me, other_id)),
        threading.Thread(target=remove, args=(replace(me, user_id=other_id), me.user_id)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with uow_factory(club.id) as uow:
        assert len(uow.members.hold_owners(organisation_id=club.id)) == 1


def test_member_when_changed_then_it_holds_from_the_next_request(uow_factory, club, member, sign_in, resolve):
    user_id, email = member()
    token, _ = sign_in(email)
    with uow_factory(club.principal) as uow:
        members.change_member(
            uow=uow, principal=club.principal, user_id=user_id, place=Place(role=Role.VIEWER)
        )
    assert resolve(token).role is Role.VIEWER


def test_member_when_removed_then_their_login_is_worth_nothing(uow_factory, club, member, sign_in, resolve):
    user_id, email = member()
    token, _ = sign_in(email)
    with uow_factory(club.principal) as uow:
        members.remove_member(uow=uow, principal=club.principal, user_id=user_id)
    with pytest.raises(NotSignedInError):
        resolve(token)
    with pytest.raises(InvalidCredentialsError):
        sign_in(email)


def test_trainer_when_limited_to_a_team_then_sees_and_films_only_its_athletes(
    uow_factory, blobs, club, member, sign_in, tmp_path
):
    ours, other = make_team(uow_factory, club, name="Ours"), make_team(uow_factory, club, name="Other")
    mine = make_athlete(uow_factory, club, name="Mine", team=ours)
    hidden = make_athlete(uow_factory, club, name="Hidden", team=other)
    seen = make_recording(uow_factory, blobs, club, folder=tmp_path, athlete=mine).recording
    unseen = make_recording(uow_factory, blobs, club, folder=tmp_path, athlete=hidden, content=b"2").recording
    inbox = make_recording(uow_factory, blobs, club, folder=tmp_path, content=b"3").recording
    for recording in (seen, unseen):
        finish_recording(uow_factory, club, recording.id)
    _, trainer = sign_in(member(Place(role=Role.TRAINER, team_ids=frozenset({ours.id})))[1])
    with uow_factory(trainer) as uow:
        assert [t.name for t in roster.list_teams(uow=uow, principal=trainer).items] == ["Ours"]
        assert [a.name for a in roster.list_athletes(uow=uow, principal=trainer).items] == ["Mine"]
        listed = recordings.list_recordings(uow=uow, principal=trainer).items
        assert [item.id for item in listed] == [seen.id]
        for recording in (unseen, inbox):
            with pytest.raises(NotFoundError):
                recordings.get_recording(uow=uow, principal=trainer, recording_id=recording.id)
        with pytest.raises(NotFoundError):
            roster.team_dashboard(uow=uow, principal=trainer, team_id=other.id)
    with pytest.raises(ForbiddenError), uow_factory(trainer) as uow:
        roster.create_athlete(uow=uow, principal=trainer, name="New")
    own = replace(club, principal=trainer)
    assert _film(uow_factory, blobs, own, tmp_path, mine)
    for athlete, error in ((hidden, NotFoundError), (None, InvalidInputError)):
        with pytest.raises(error):
            _film(uow_factory, blobs, own, tmp_path, athlete)


def _film(uow_factory, blobs, club, folder, athlete):
    from tests.factories import PROBED, stage_upload

    with uow_factory(club.principal) as uow:
        return recording_intake.receive_recording(
            uow=uow,
            blobs=blobs,
            principal=club.principal,
            upload=stage_upload(folder, b"mine"),
            probed=PROBED,
            athlete_id=None if athlete is None else athlete.id,
        )


def test_guardian_when_linked_to_an_athlete_then_sees_their_results_alone(
    uow_factory, blobs, club, member, sign_in, tmp_path
):
    child, other = (
        make_athlete(uow_factory, club, name="Child"),
        make_athlete(uow_factory, club, name="Other"),
    )
    ours = make_recording(uow_factory, blobs, club, folder=tmp_path, athlete=child).recording
    theirs = make_recording(uow_factory, blobs, club, folder=tmp_path, athlete=other, content=b"2").recording
    place = Place(role=Role.ATHLETE, athlete_ids=frozenset({child.id}))
    _, guardian = sign_in(member(place, name="guardian")[1])
    with uow_factory(guardian) as uow:
        recordings.get_recording(uow=uow, principal=guardian, recording_id=ours.id)
        with pytest.raises(NotFoundError):
            recordings.get_recording(uow=uow, principal=guardian, recording_id=theirs.id)
        with pytest.raises(ForbiddenError):
            roster.list_athletes(uow=uow, principal=guardian)


def test_limited_member_when_the_last_team_is_gone_then_sees_nothing(
    uow_factory, club, member, sign_in, engine
):
    team = make_team(uow_factory, club)
    make_athlete(uow_factory, club, team=team)
    _, trainer = sign_in(member(Place(role=Role.TRAINER, team_ids=frozenset({team.id})))[1])
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.id)})
        connection.execute(text("DELETE FROM team WHERE id = :id"), {"id": team.id})
    with uow_factory(trainer) as uow:
        assert roster.list_athletes(uow=uow, principal=trainer).items == ()


def test_key_when_limited_to_a_team_then_sees_its_athletes_alone(uow_factory, club):
    team = make_team(uow_factory, club)
    make_athlete(uow_factory, club, name="Mine", team=team)
    make_athlete(uow_factory, club, name="Hidden")
    with uow_factory(club.principal) as uow:
        new = accounts.create_api_key(
            uow=uow,
            principal=club.principal,
            name="Team",
            scopes=frozenset({Permission.ROSTER_READ}),
            team_ids=(team.id,),
        )
        assert accounts.list_api_keys(uow=uow, principal=club.principal).items[0].team_ids == {team.id}
    with uow_factory(None) as uow:
        holder = accounts.resolve_api_key(uow=uow, key=new.key)
    with uow_factory(holder) as uow:
        assert [a.name for a in roster.list_athletes(uow=uow, principal=holder).items] == ["Mine"]


def test_key_when_limited_then_holds_nothing_that_is_of_the_whole_organisation(uow_factory, club):
    team = make_team(uow_factory, club)
    scopes = PERMISSIONS[Role.INTEGRATION]
    with uow_factory(club.principal) as uow:
        new = accounts.create_api_key(
            uow=uow, principal=club.principal, name="Team", scopes=scopes, team_ids=(team.id,)
        )
    with uow_factory(None) as uow:
        holder = accounts.resolve_api_key(uow=uow, key=new.key)
    with uow_factory(holder) as uow:
        for ask in (
            lambda: privacy.change_rules(uow=uow, principal=holder, changes={"numbers_only": True}),
            lambda: list_audit(uow=uow, principal=holder),
        ):
            with pytest.raises(ForbiddenError):
                ask()


def test_key_when_rotated_then_both_secrets_open_until_the_overlap_is_over(uow_factory, club, engine):
    with uow_factory(club.principal) as uow:
        old = accounts.create_api_key(
            uow=uow, principal=club.principal, name="Sync", scopes=frozenset({Permission.ROSTER_READ})
        )
    with uow_factory(club.principal) as uow:
        new = accounts.rotate_api_key(uow=uow, principal=club.principal, api_key_id=old.summary.id)
    assert new.summary.previous_until - new.summary.created_at > timedelta(days=6)
    for key in (old.key, new.key):
        with uow_factory(None) as uow:
            assert accounts.resolve_api_key(uow=uow, key=key).api_key_id == old.summary.id
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE api_key SET previous_until = now() WHERE id = :id"), {"id": old.summary.id}
        )
    with uow_factory(None) as uow:
        accounts.resolve_api_key(uow=uow, key=new.key)
        with pytest.raises(InvalidCredentialsError):
            accounts.resolve_api_key(uow=uow, key=old.key)


def test_password_when_changed_then_every_other_login_ends(uow_factory, club, sign_in, resolve):
    other, _ = sign_in(club.email)
    token, principal = sign_in(club.email)
    with pytest.raises(InvalidInputError), uow_factory(None) as uow:
        _change(uow, principal, current="not the password")
    with uow_factory(None) as uow:
        _change(uow, principal, current=PASSWORD)
    assert resolve(token).user_id == principal.user_id
    with pytest.raises(NotSignedInError):
        resolve(other)
    with pytest.raises(InvalidCredentialsError):
        sign_in(club.email)
    sign_in(club.email, NEW_PASSWORD)


def _change(uow, principal, *, current):
    logins.change_password(
        uow=uow, principal=principal, current=current, new=NEW_PASSWORD, passwords=QUICK_PASSWORDS
    )


def test_logins_when_listed_and_ended_then_only_ones_own(uow_factory, club, rival, sign_in, resolve):
    token, principal = sign_in(club.email)
    other, _ = sign_in(club.email)
    _, stranger = sign_in(rival.email)
    with uow_factory(None) as uow:
        listed = logins.list_logins(uow=uow, principal=principal)
    assert [login.is_this for login in listed].count(True) == 1
    assert len(listed) == 2
    (elsewhere,) = (login.id for login in listed if not login.is_this)
    with pytest.raises(NotFoundError), uow_factory(None) as uow:
        logins.end_login(uow=uow, principal=stranger, login_id=elsewhere)
    with uow_factory(None) as uow:
        logins.end_login(uow=uow, principal=principal, login_id=elsewhere)
    with pytest.raises(NotSignedInError):
        resolve(other)
    resolve(token)


def test_reset_when_used_then_the_new_password_holds_and_every_login_ends(
    uow_factory, club, member, sign_in, resolve
):
    user_id, email = member()
    token, _ = sign_in(email)
    with uow_factory(club.principal) as uow:
        new = logins.issue_reset(uow=uow, principal=club.principal, user_id=user_id)
    with pytest.raises(InvalidInputError), uow_factory(None) as uow:
        logins.use_reset(uow=uow, token=new.token, new="short", passwords=QUICK_PASSWORDS)
    with uow_factory(None) as uow:
        logins.use_reset(uow=uow, token=new.token, new=NEW_PASSWORD, passwords=QUICK_PASSWORDS)
    with pytest.raises(NotSignedInError):
        resolve(token)
    sign_in(email, NEW_PASSWORD)
    with pytest.raises(InvalidCredentialsError), uow_factory(None) as uow:
        logins.use_reset(uow=uow, token=new.token, new=PASSWORD, passwords=QUICK_PASSWORDS)
    assert new.token not in repr(new)


def test_reset_when_another_is_made_then_the_first_is_spent(uow_factory, club):
    with uow_factory(None) as uow:
        first = logins.find_and_issue_reset(uow=uow, email=club.email)
    with uow_factory(None) as uow:
        logins.find_and_issue_reset(uow=uow, email=club.email)
    with pytest.raises(InvalidCredentialsError), uow_factory(None) as uow:
        logins.use_reset(uow=uow, token=first.token, new=NEW_PASSWORD, passwords=QUICK_PASSWORDS)


def test_reset_when_the_person_is_in_another_organisation_too_then_an_owner_may_not(
    uow_factory, club, rival, invite, join
):
    join(invite(email=rival.email).token)
    with pytest.raises(ForbiddenError), uow_factory(club.principal) as uow:
        logins.issue_reset(uow=uow, principal=club.principal, user_id=rival.principal.user_id)


def test_reset_when_nobody_has_the_address_then_none(uow_factory):
    with uow_factory(None) as uow:
        assert logins.find_and_issue_reset(uow=uow, email="nobody@example.org") is None
    assert Role.INTEGRATION not in MEMBER_ROLES
