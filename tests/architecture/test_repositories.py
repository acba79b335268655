"""Every question that a repository asks names its organisation, or stands here with the reason why it does not.

Row-level security is behind all of them (`tests/db/test_tenancy.py`); that the questions hold without it shows
`tests/api/test_matrix.py`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "app" / "db" / "repositories"

TOKEN = "by the hash of a secret that was handed out: nobody is known before it is found"
PERSON = "of a person, whatever they belong to; the service asks for the one who is signed in, or checks membership"
ACROSS = "looks across all of them by a function that tells ids and counts alone; test_tenancy lists those"
SERVICE = "for work of the service itself, which then enters each of them"
LOCK = "holds a name, reads nothing"
ROW = "inserts a row that carries it"
FOUND = "touches the one row that was just found by its secret, in the same transaction"

WITHOUT = {
    "AccountRepository.add_organisation": "makes one",
    "AccountRepository.add_user": PERSON,
    "AccountRepository.find_access_token": TOKEN,
    "AccountRepository.find_api_key": "by the public half of a key: nobody is known before it is found",
    "AccountRepository.find_membership": "by a key of two halves, one of them the organisation",
    "AccountRepository.find_organisation": "asks for the organisation itself",
    "AccountRepository.find_user": PERSON,
    "AccountRepository.find_user_by_email": PERSON,
    "AccountRepository.first_membership": PERSON,
    "AccountRepository.list_logins": PERSON,
    "AccountRepository.list_memberships": PERSON,
    "AccountRepository.list_organisation_ids": SERVICE,
    "AccountRepository.names_of": "names of those who did something; others' rows are not there to be found",
    "AccountRepository.replace_password_hash": PERSON,
    "AccountRepository.revoke_login": TOKEN,
    "AccountRepository.revoke_logins": PERSON,
    "AccountRepository.touch_api_key": FOUND,
    "AccountRepository.touch_login": FOUND,
    "CaptureRepository.add": ROW,
    "CaptureRepository.hold_file": LOCK,
    "CaptureRepository.hold_reference": LOCK,
    "ExportJobRepository.hold": LOCK,
    "IdempotencyRepository.hold": LOCK,
    "LinkRepository.find_invitation": TOKEN,
    "LinkRepository.note_accepted": FOUND,
    "LinkRepository.use_reset": TOKEN,
    "MemberRepository.n_memberships": ACROSS,
    "ProviderRepository.list_of_domain": "by what stands behind the @: nobody is known yet",
    "QuotaRepository.usage": ACROSS,
    "ReanalysisRepository.hold": LOCK,
    "RecordingRepository.queue_depth": ACROSS,
    "RecordingRepository.queue_position": ACROSS,
    "RetentionRepository.hold": LOCK,
    "RetentionRepository.organisation_ids": SERVICE,
    "RosterRepository.dashboard": "asks in words, in `dashboard`, naming it for every table",
    "SignInRepository.add_passkey": PERSON,
    "SignInRepository.add_step": PERSON,
    "SignInRepository.find_passkey": "by what an authenticator calls it: nobody is known before it is found",
    "SignInRepository.find_step": TOKEN,
    "SignInRepository.has_passkey": PERSON,
    "SignInRepository.list_passkeys": PERSON,
    "SignInRepository.note_confirmed": FOUND,
    "SignInRepository.note_passkey_used": FOUND,
    "SignInRepository.remove_passkey": PERSON,
    "SignInRepository.rename_passkey": PERSON,
    "SignInRepository.take_step": TOKEN,
    "StationRepository.find_stay": TOKEN,
    "StationRepository.note_seen": FOUND,
    "StationRepository.open_pass": TOKEN,
    "WebhookRepository.add_endpoint": ROW,
    "WebhookRepository.due_organisations": ACROSS,
}


def questions() -> Iterator[tuple[str, bool]]:
    """Yield each method that speaks to the database, and whether it names the organisation."""
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text())
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for owner in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            methods = {node.name: node for node in owner.body if isinstance(node, ast.FunctionDef)}
            for name, method in methods.items():
                if not name.startswith("_") and _speaks(method):
                    yield f"{owner.name}.{name}", _names_it(method, {**functions, **methods}, seen=set())


def _speaks(method: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "_session" for node in ast.walk(method))


def _names_it(function: ast.FunctionDef, known: dict[str, ast.FunctionDef], *, seen: set[str]) -> bool:
    """Say whether a condition, a row or a call in it, or in what it calls here, is of one organisation."""
    for node in (inner for statement in function.body for inner in ast.walk(statement)):
        match node:
            case ast.Compare(left=ast.Attribute(attr="organisation_id"), ops=[ast.Eq()]):
                return True
            case ast.Call(func=ast.Attribute(attr="own")):
                return True
            case ast.keyword(arg="organisation_id") | ast.Constant(value="organisation_id"):
                return True
            case ast.Constant(value=str(text)) if "organisation_id = " in text:
                return True
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if (
                called in known and called not in seen
            ):
                if _names_it(known[called], known, seen=seen | {called}):
                    return True
    return False


def test_questions_when_they_do_not_name_the_organisation_then_a_reason_stands_here() -> None:
    found = dict(questions())
    assert len(found) > 250
    without = {name for name, names_it in found.items() if not names_it}
    assert without - WITHOUT.keys() == set(), "name it, or say here why not"
    assert WITHOUT.keys() - without == set(), "these name it by now, or are gone: take them off the list"
