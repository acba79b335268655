"""One of everything that has an id in an address, for tests that walk every route.

A new path parameter needs one function here; the matrix says so when it is missing::

    @thing("trial_id")
    def make_trial(things: Things) -> str: ...
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from app.domain.access import Permission, Principal, Role
from app.http.post import seal_from
from app.http.provider import fetch_from
from app.services import accounts, members, provider_setup
from app.services.members import Place
from app.services.provider_setup import ProviderChange
from tests.api.conftest import PASSWORD as CLUB_PASSWORD
from tests.api.conftest import Club
from tests.api.results import STILL_FRAME, analyse
from tests.api.support import PartsForTests
from tests.factories import PASSWORD, QUICK_PASSWORDS

Factory = Callable[["Things"], str]
FACTORIES: dict[str, Factory] = {}

BODIES: dict[str, Callable[["Things"], dict[str, object]]] = {
    "move_recording": lambda things: {"athlete_id": things.id_of("athlete_id")},
    "move_screening": lambda things: {"athlete_id": things.id_of("athlete_id")},
    "edit_athlete": lambda _things: {"sport": "netball"},
    "upsert_athlete_by_external_id": lambda _things: {"name": "Somebody"},
    "record_consent": lambda _things: {
        "given_by": "Canary Parent",
        "relation": "parent",
        "purposes": {"screening": True, "keep_video": True, "share_with_coach": True},
    },
    "change_privacy_rules": lambda _things: {"unknown_age_is_minor": False},
    "announce_day_capture": lambda things: {"station_id": things.id_of("station_id")},
    "merge_athletes": lambda things: {"athlete_id": things.id_of("athlete_id")},
    "set_identity_provider": lambda things: {
        "name": "Another account",
        "issuer": things.id_of("issuer"),
        "client_id": "plumbline",
        "email_domains": ["example.org"],
    },
}
"""Operation id -> a body that is taken, where the one made from the description would be refused."""
NAMES_OF_THEIR_OWN = {"upsert_athlete_by_external_id"}
"""Operations whose address holds a name that everybody gives for themselves: others make a thing of their own."""
OTHER_THINGS: dict[str, dict[str, str]] = {
    "erase_athlete": {"athlete_id": "leaver_id"},
    "get_roster_import_report": {"import_id": "confirmed_import_id"},
    "remove_station": {"day_id": "empty_day_id", "station_id": "spare_station_id"},
    "remove_screening_day": {"day_id": "empty_day_id"},
    "edit_station": {"day_id": "empty_day_id", "station_id": "spare_station_id"},
    "remove_team": {"team_id": "empty_team_id"},
    "remove_athlete_from_team": {"athlete_id": "team_mate_id"},
}
"""Operation id -> path parameter -> which thing to take, where the usual one is not far enough in its life."""
BESIDES: dict[str, set[str]] = {
    "set_identity_provider": {"identity_provider"},
    "remove_identity_provider": {"identity_provider"},
}
"""Operation id -> things that must be there although its address does not name them."""
OF_ONE_PERSON = {"login_id", "passkey_id"}
"""Things that belong to a person: colleagues do not find them either."""
HEADERS: dict[str, dict[str, str]] = {
    **{
        f"GET /recordings/{{recording_id}}/{part}": {"HX-Request": "true"}
        for part in ("progress", "pictures")
    },
    **{name: {"Tus-Resumable": "1.0.0"} for name in ("get_upload_offset", "append_upload", "end_upload")},
}
"""Operation id -> headers without which the route does not even look."""
QUERIES: dict[str, dict[str, str]] = {}
"""Operation id -> query parameters that are required."""


def thing(name: str) -> Callable[[Factory], Factory]:
    """Register how to make what this path parameter names; return its id as it stands in an address."""

    def register(factory: Factory) -> Factory:
        FACTORIES[name] = factory
        return factory

    return register


_HANGING_TOGETHER = (
    {"recording_id", "screening_id", "trial_id", "analysis_id", "correction_id"},
    {"day_id", "station_id", "pass_id"},
    {"empty_day_id", "spare_station_id"},
)
"""What is done to one of these shows in the others of its group."""
_OF_ANOTHER = {"webhook_id": {"delivery_id"}, "team_id": {"team_mate_id"}}
"""What goes with a thing that is made anew."""


@dataclass(slots=True, kw_only=True)
class Things:
    """Things of one organisation, each made when first asked for."""

    club: Club
    parts: PartsForTests
    _made: dict[str, str] = field(default_factory=dict)

    def id_of(self, name: str) -> str:
        """Return the id of one of these; always the same until it is forgotten."""
        if name not in self._made:
            assert name in FACTORIES, (
                f"a route has the new path parameter {{{name}}}: add a factory for it to tests/api/things.py,"
                f' @thing("{name}")'
            )
            self._made[name] = FACTORIES[name](self)
        return self._made[name]

    def adopt(self, name: str, made: str) -> None:
        """Take something made elsewhere for ours."""
        self._made[name] = made

    def forget(self, names: set[str]) -> None:
        """Make new ones the next time: something may have happened to these."""
        for group in _HANGING_TOGETHER:
            if names & group:
                names = names | group
        names = names.union(*(_OF_ANOTHER.get(name, set()) for name in names))
        for name in names:
            self._made.pop(name, None)

    @property
    def all_ids(self) -> list[str]:
        """Return every id of ours made so far that could be recognised elsewhere; names others may give, too, not."""
        return [made for name, made in self._made.items() if name != "value" and len(made) >= 32]

    def post(self, path: str, **body: object) -> dict[str, object]:
        """Make something over REST, with the organisation's own key."""
        answer = self.club.client.post(f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        document: dict[str, object] = answer.json()
        return document


@thing("team_id")
def make_team(things: Things) -> str:
    return str(things.post("/teams", name=f"Team {uuid4().hex[:8]}")["id"])


@thing("empty_team_id")
def make_empty_team(things: Things) -> str:
    """One that nothing was made of and nobody is limited to."""
    return make_team(things)


@thing("athlete_id")
def make_athlete(things: Things) -> str:
    made = things.post("/athletes", name="Canary Athlete", team_ids=[things.id_of("team_id")])
    return str(made["id"])


@thing("team_mate_id")
def make_team_mate(things: Things) -> str:
    return str(things.post("/athletes", name="Canary Mate", team_ids=[things.id_of("team_id")])["id"])


@thing("recording_id")
def make_recording(things: Things) -> str:
    from tests.api.test_uploads import upload

    answer = upload(things.club.client, fields={"athlete_id": things.id_of("athlete_id")})
    recording_id = UUID(answer.json()["id"])
    analyse(things.parts, organisation_id=things.club.organisation_id, recording_id=recording_id)
    return str(recording_id)


@thing("capture_id")
def announce_capture(things: Things) -> str:
    return str(things.post("/captures", athlete_id=things.id_of("athlete_id"))["id"])


@thing("screening_id")
def find_screening(things: Things) -> str:
    recording = things.club.client.get(f"/api/v1/recordings/{things.id_of('recording_id')}").json()
    return str(recording["screening_id"])


@thing("trial_id")
def find_trial(things: Things) -> str:
    recording = things.club.client.get(f"/api/v1/recordings/{things.id_of('recording_id')}").json()
    return str(recording["trial_id"])


@thing("change_id")
def merge_a_double(things: Things) -> str:
    double = things.post("/athletes", name="Canary Double")
    into = things.id_of("athlete_id")
    return str(things.post(f"/athletes/{into}/merge", athlete_id=double["id"])["id"])


@thing("system")
def choose_system(_things: Things) -> str:
    return "vald"


@thing("value")
def choose_external_id(things: Things) -> str:
    value = uuid4().hex
    athlete = things.id_of("athlete_id")
    answer = things.club.client.patch(f"/api/v1/athletes/{athlete}", json={"external_ids": {"vald": value}})
    assert answer.is_success, answer.text
    return value


@thing("analysis_id")
def find_analysis(things: Things) -> str:
    recording = things.club.client.get(f"/api/v1/recordings/{things.id_of('recording_id')}").json()
    return str(recording["analysis_id"])


@thing("correction_id")
def pick_a_person(things: Things) -> str:
    made = things.post(
        f"/analyses/{things.id_of('analysis_id')}/corrections", kind="pick_person", frame=3, x_px=10, y_px=10
    )
    return str(made["correction"]["id"])


@thing("day_id")
def plan_day(things: Things) -> str:
    made = things.post(
        "/screening-days", team_id=things.id_of("team_id"), held_on=datetime.now(UTC).date().isoformat()
    )
    return str(made["id"])


@thing("station_id")
def find_station(things: Things) -> str:
    day = things.club.client.get(f"/api/v1/screening-days/{things.id_of('day_id')}").json()
    return str(day["stations"][0]["id"])


@thing("empty_day_id")
def plan_empty_day(things: Things) -> str:
    """One at which nothing was filmed."""
    return plan_day(things)


@thing("spare_station_id")
def add_spare_station(things: Things) -> str:
    day = things.post(f"/screening-days/{things.id_of('empty_day_id')}/stations", view="frontal")
    stations = day["stations"]
    assert isinstance(stations, list)
    return str(stations[-1]["id"])


@thing("pass_id")
def make_pass(things: Things) -> str:
    day_id, station_id = things.id_of("day_id"), things.id_of("station_id")
    return str(things.post(f"/screening-days/{day_id}/stations/{station_id}/passes")["id"])


@thing("reanalysis_id")
def start_reanalysis(things: Things) -> str:
    for one in things.club.client.get("/api/v1/reanalyses").json()["items"]:
        if one["state"] != "cancelled":  # one can be open at a time
            things.post(f"/reanalyses/{one['id']}/cancel")
    return str(things.post("/reanalyses")["id"])


@thing("webhook_id")
def make_webhook(things: Things) -> str:
    return str(things.post("/webhooks", url=f"https://hooks.example.org/{uuid4().hex}")["id"])


@thing("delivery_id")
def send_test(things: Things) -> str:
    return str(things.post(f"/webhooks/{things.id_of('webhook_id')}/test")["id"])


@thing("export_id")
def ask_for_export(things: Things) -> str:
    for one in things.club.client.get("/api/v1/exports").json()["items"]:  # few can be under way at a time
        things.club.client.delete(f"/api/v1/exports/{one['id']}")
    return str(things.post("/exports", format="csv-long")["id"])


@thing("import_id")
def start_import(things: Things) -> str:
    from tests.api.test_roster_imports import send

    return str(send(things.club.client, "name\nA Newcomer\n").json()["id"])


@thing("confirmed_import_id")
def confirm_import(things: Things) -> str:
    from tests.api.test_roster_imports import send

    import_id = send(things.club.client, "id,sport\nnobody,judo\n").json()["id"]
    assert things.club.client.post(f"/api/v1/roster-imports/{import_id}/confirm").is_success
    return str(import_id)


@thing("leaver_id")
def make_leaver(things: Things) -> str:
    return str(things.post("/athletes", name="Canary Leaver", team_ids=[things.id_of("team_id")])["id"])


@thing("erasure_id")
def ask_for_erasure(things: Things) -> str:
    leaver = things.post("/athletes", name="Canary Gone")
    answer = things.club.client.delete(f"/api/v1/athletes/{leaver['id']}")
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


@thing("frame")
def choose_frame(_things: Things) -> str:
    return str(STILL_FRAME)


@thing("user_id")
def make_user(things: Things) -> str:
    return str(make_member(things.parts, things.club, Role.VIEWER).user_id)


@thing("login_id")
def start_login(things: Things) -> str:
    with things.parts.uow_factory(None) as uow:
        signed_in = accounts.sign_in(uow=uow, email=things.club.email, password=CLUB_PASSWORD)
    return str(signed_in.session_id)


@thing("organisation_id")
def name_organisation(things: Things) -> str:
    return str(things.club.organisation_id)


@thing("passkey_id")
def make_passkey(things: Things) -> str:
    user_id = make_member(things.parts, things.club, Role.VIEWER).user_id
    assert user_id is not None
    with things.parts.uow_factory(None) as uow:
        uow.sign_in.add_passkey(
            user_id=user_id,
            credential_id=uuid4().bytes,
            public_key=b"key",
            sign_count=0,
            name="A passkey",
            is_synced=False,
        )
        return str(uow.sign_in.list_passkeys(user_id)[-1].id)


@thing("identity_provider")
def set_provider_up(things: Things) -> str:
    """Whoever asks for it adopts an `issuer` that answers."""
    owner = things.club.principal
    settings = things.parts.settings
    change = ProviderChange(
        name="An account",
        issuer=things.id_of("issuer"),
        client_id="plumbline",
        client_secret="canary secret",
        email_domains=("example.org",),
        default_role=None,
        is_enabled=True,
    )
    with things.parts.uow_factory(owner) as uow:
        return provider_setup.save_provider(
            uow=uow, principal=owner, change=change, seal=seal_from(settings), fetch=fetch_from(settings)
        ).issuer


@thing("invitation_id")
def make_invitation(things: Things) -> str:
    owner = things.club.principal
    with things.parts.uow_factory(owner) as uow:
        new = members.invite(
            uow=uow, principal=owner, email=f"{uuid4().hex}@example.org", place=Place(role=Role.VIEWER)
        )
    return str(new.invitation.id)


@thing("api_key_id")
def make_api_key(things: Things) -> str:
    owner = things.club.principal
    with things.parts.uow_factory(owner) as uow:
        new = accounts.create_api_key(
            uow=uow, principal=owner, name="A key", scopes=frozenset({Permission.ROSTER_READ})
        )
    return str(new.summary.id)


def make_member(parts: PartsForTests, club: Club, role: Role) -> Principal:
    """Make a member of this role and return them."""
    with parts.uow_factory(None) as uow:
        user = accounts.create_user(
            uow=uow,
            organisation_id=club.organisation_id,
            email=f"{uuid4().hex}@example.org",
            display_name=f"A {role.value}",
            password=PASSWORD,
            role=role,
            passwords=QUICK_PASSWORDS,
        )
    return Principal(
        organisation_id=club.organisation_id, role=role, display_name=user.email, user_id=user.id
    )
