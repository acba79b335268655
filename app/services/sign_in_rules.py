"""What an organisation asks for at its door."""

from datetime import timedelta

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal, Role
from app.domain.audit import Act
from app.domain.errors import InvalidInputError
from app.domain.sign_in import MAX_GRACE_DAYS, SECOND_FACTOR_ROLES, SecondFactorRule
from app.domain.versions import ANY, Expected, tag_of


def get_rule(*, uow: UnitOfWork, principal: Principal) -> SecondFactorRule:
    """Say who needs a second factor, and from when; owners only."""
    principal.require(Permission.MEMBERS_MANAGE)
    return uow.sign_in.rule(organisation_id=principal.organisation_id)


def change_rule(
    *,
    uow: UnitOfWork,
    principal: Principal,
    roles: frozenset[Role],
    grace_days: int,
    expected: Expected = ANY,
) -> SecondFactorRule:
    """Ask a second factor of these roles, after so many days in which whoever has none is reminded."""
    principal.require(Permission.MEMBERS_MANAGE)
    principal.require_confirmed()
    if not roles <= set(SECOND_FACTOR_ROLES):
        raise InvalidInputError(
            "A second factor cannot be asked of this role.",
            how_to_fix="Choose among owner, clinician, trainer and viewer.",
            field="roles",
        )
    if not 0 <= grace_days <= MAX_GRACE_DAYS:
        raise InvalidInputError(
            f"The time to set one up is 0 to {MAX_GRACE_DAYS} days.",
            how_to_fix="Choose a number in between.",
            field="grace_days",
        )
    uow.hold(f"sign-in:{principal.organisation_id}")
    present = uow.sign_in.rule(organisation_id=principal.organisation_id)
    expected.check(tag_of(present), what="The organisation's rule")
    _check_own(uow, principal, roles)
    uow.sign_in.set_rule(
        organisation_id=principal.organisation_id,
        roles=roles,
        grace_s=timedelta(days=grace_days).total_seconds(),
    )
    uow.audit.record(
        actor=principal,
        act=Act.SIGN_IN_RULES_CHANGED,
        object_id=principal.organisation_id,
        roles=" ".join(sorted(role.value for role in roles)),
        grace_days=grace_days,
    )
    return uow.sign_in.rule(organisation_id=principal.organisation_id)


def _check_own(uow: UnitOfWork, principal: Principal, roles: frozenset[Role]) -> None:
    """Whoever asks it of themselves must have one: a rule must not lock its maker out."""
    if principal.role not in roles or principal.user_id is None:
        return
    mine = uow.members.list_by_email(
        organisation_id=principal.organisation_id, after=None, limit=1, user_id=principal.user_id
    )
    if not mine or not mine[0].has_second_factor:
        raise InvalidInputError(
            "You have no second factor yourself.",
            how_to_fix="Set up your own first, under My security.",
            field="roles",
        )
