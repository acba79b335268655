"""Letters: written with what they tell, taken by a real mail server, once; tried again; never readable at rest."""

import logging
import ssl
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text

from app.domain.access import Role
from app.jobs.names import SEND_MAIL
from app.mail.mailer import Letter, MailDelayedError, MailRefusedError
from app.mail.smtp import SmtpMailer, SmtpSecurity, SmtpServer
from app.services import logins, members
from app.services.members import Place
from app.services.outbox import (
    FORGET_AFTER_S,
    LEASE_S,
    Post,
    SendResult,
    delay_after,
    forget_sent_mail,
    send_mail,
    sweep_mail,
)
from app.services.sealing import BrokenSealError, Seal
from tests.factories import PASSWORD, QUICK_PASSWORDS
from tests.support.mail import SECRET, SENDER, USER, mail_server, make_certificate

SEAL = Seal("a secret that only this test knows")
POST = Post(base_url="https://screen.example.org", seal=SEAL)
EMAIL = "canary-person@example.org"
LETTER = Letter(to=EMAIL, subject="Grüße", text="Canary words\n")


@pytest.fixture(scope="module")
def server():
    with mail_server() as found:
        yield found


@pytest.fixture(autouse=True)
def _willing(server):
    server.letters.clear()
    server.recipient_answer = server.letter_answer = "250 OK"


@pytest.fixture
def invite(uow_factory, club, queue):
    def run():
        with uow_factory(club.principal) as uow:
            members.invite(
                uow=uow, principal=club.principal, email=EMAIL, place=Place(role=Role.TRAINER), post=POST
            )
        return next(UUID(job.args[0]) for job in reversed(queue.jobs) if job.name == SEND_MAIL)

    return run


@pytest.fixture
def send(uow_factory, club, server):
    def run(mail_id, *, mailer=None, seal=SEAL):
        return send_mail(
            uow_factory=uow_factory,
            mailer=mailer or server.mailer(),
            seal=seal,
            mail_id=mail_id,
            organisation_id=club.id,
        )

    return run


@pytest.fixture
def row(uow_factory, club):
    def run(mail_id, change=None):
        with uow_factory(club.id) as uow:
            if change:
                words = f"UPDATE outgoing_mail SET {change} WHERE id = :id"  # noqa: S608  # words of this test
                uow._session.execute(text(words), {"id": mail_id})
            query = text("SELECT *, due_at - now() AS wait FROM outgoing_mail WHERE id = :id")
            return uow._session.execute(query, {"id": mail_id}).one()

    return run


def test_letter_when_sent_then_taken_once_and_forgotten(invite, send, row, server, club) -> None:
    mail_id = invite()
    assert EMAIL.encode() not in row(mail_id).sealed
    assert send(mail_id) is SendResult.SENT
    assert send(mail_id) is SendResult.NOT_CLAIMED
    assert len(server.letters) == 1
    letter = server.letters[0]
    assert (letter["To"], letter["From"]) == (EMAIL, SENDER)
    assert letter["Message-ID"] == f"<{mail_id}@screen.example.org>"
    assert "https://screen.example.org/join#" in server.text()
    assert "Harbour FC" in str(letter["Subject"])
    after = row(mail_id)
    assert (after.outcome, after.sealed) == ("sent", None)


def test_letter_when_the_transaction_is_dropped_then_there_is_none(uow_factory, club, queue) -> None:
    def fail() -> None:
        with uow_factory(club.principal) as uow:
            members.invite(
                uow=uow, principal=club.principal, email=EMAIL, place=Place(role=Role.TRAINER), post=POST
            )
            raise RuntimeError

    before = len(queue.jobs)
    with pytest.raises(RuntimeError):
        fail()
    assert len(queue.jobs) == before
    with uow_factory(club.id) as uow:
        assert uow._session.scalar(text("SELECT count(*) FROM outgoing_mail")) == 0


@pytest.mark.parametrize("step", ["recipient", "letter"])
def test_letter_when_the_server_says_later_then_tried_again_after_longer_and_longer(
    invite, send, row, server, step, caplog
) -> None:
    mail_id = invite()
    setattr(server, f"{step}_answer", f"451 not now, {EMAIL}")
    caplog.set_level(logging.DEBUG)
    for attempt in (1, 2):
        assert send(mail_id) is SendResult.PUT_BACK
        waiting = row(mail_id)
        assert waiting.reason == f"{step}_451"
        assert waiting.wait.total_seconds() == pytest.approx(delay_after(attempt), abs=5)
        assert send(mail_id) is SendResult.NOT_CLAIMED
        row(mail_id, "due_at = now()")
    setattr(server, f"{step}_answer", "250 OK")
    assert send(mail_id) is SendResult.SENT
    assert len(server.letters) == 1
    said = [record.getMessage() for record in caplog.records]
    assert any(f"{step}_451" in line for line in said)
    assert EMAIL not in " ".join(said)


@pytest.mark.parametrize("step", ["recipient", "letter"])
def test_letter_when_the_server_says_never_then_given_up(invite, send, row, server, step) -> None:
    mail_id = invite()
    setattr(server, f"{step}_answer", "550 no such user here")
    assert send(mail_id) is SendResult.GAVE_UP
    after = row(mail_id)
    assert (after.outcome, after.reason, after.sealed) == ("refused", f"{step}_550", None)


def test_letter_when_nobody_listens_then_put_back_and_when_too_late_given_up(
    invite, send, row, server
) -> None:
    mail_id = invite()
    silent = SmtpMailer(SmtpServer(host="127.0.0.1", port=1, security=SmtpSecurity.NONE, sender=SENDER))
    assert send(mail_id, mailer=silent) is SendResult.PUT_BACK
    assert row(mail_id).reason == "connection_failed"
    row(mail_id, "due_at = now(), good_until = now() + interval '1 minute'")
    assert send(mail_id, mailer=silent) is SendResult.GAVE_UP
    second = invite()
    row(second, "good_until = now() - interval '1 second'")
    assert send(second) is SendResult.GAVE_UP
    assert row(second).outcome == "too_late"
    assert server.letters == []


def test_letter_when_its_worker_dies_then_swept_and_sent_and_the_dead_one_writes_nothing(
    invite, uow_factory, fresh_uow_factory, send, row, club, queue, server
) -> None:
    mail_id = invite()
    with uow_factory(club.id) as uow:
        dead = uow.mail.claim(mail_id, lease_s=LEASE_S)
    assert send(mail_id) is SendResult.NOT_CLAIMED
    row(mail_id, "due_at = now()")
    n_before = len(queue.jobs)
    assert sweep_mail(uow_factory=uow_factory) >= 1
    assert str(mail_id) in {job.args[0] for job in queue.jobs[n_before:]}
    assert send(mail_id) is SendResult.SENT
    with uow_factory(club.id) as uow:
        assert not uow.mail.put_back(dead, delay_s=1, reason="late")
    assert len(server.letters) == 1


def test_letters_when_ended_long_ago_then_forgotten(invite, send, row, uow_factory) -> None:
    mail_id, waiting = invite(), invite()
    send(mail_id)
    row(mail_id, f"ended_at = now() - interval '{FORGET_AFTER_S + 60} seconds'")
    assert forget_sent_mail(uow_factory=uow_factory) == 1
    assert row(waiting).ended_at is None


def test_letter_when_the_apps_secret_changed_then_given_up_unread(invite, send, row) -> None:
    mail_id = invite()
    assert send(mail_id, seal=Seal("another secret")) is SendResult.GAVE_UP
    assert row(mail_id).reason == "sealed_with_another_key"


def test_seal_when_moved_changed_or_opened_for_another_purpose_then_broken() -> None:
    sealed = SEAL.seal("grüße", purpose="mail", owner=1)
    assert SEAL.open(sealed, purpose="mail", owner=1) == "grüße"
    assert SEAL.seal("grüße", purpose="mail", owner=1) != sealed
    for broken, purpose, owner in (
        (sealed, "mail", 2), (sealed, "totp", 1), (sealed[:-1] + b"x", "mail", 1), (b"", "mail", 1),
        (b"\x02" + sealed[1:], "mail", 1),
    ):  # fmt: skip
        with pytest.raises(BrokenSealError):
            SEAL.open(broken, purpose=purpose, owner=owner)


@pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
def test_smtp_when_private_then_signed_in_by_tls_and_strangers_are_not_trusted(tmp_path, security) -> None:
    certificate = make_certificate(tmp_path)
    with mail_server(certificate=certificate, tls=security is SmtpSecurity.TLS) as private:
        server = SmtpServer(host=private.host, port=private.port, security=security, sender=SENDER)
        if security is SmtpSecurity.STARTTLS:
            server = replace(server, user=USER, password=SECRET)
        trusting = ssl.create_default_context(cafile=certificate[0])
        SmtpMailer(server, tls=trusting).send(LETTER, letter_id="1")
        assert private.text().strip() == "Canary words"
        assert private.n_sign_ins == (security is SmtpSecurity.STARTTLS)
        assert private.letters[0]["Subject"] == "Grüße"
        with pytest.raises(MailDelayedError, match="tls"):
            SmtpMailer(server).send(LETTER, letter_id="2")
        if server.user:
            wrong = replace(server, password="not it")
            with pytest.raises(MailDelayedError, match="sign_in_535"):
                SmtpMailer(wrong, tls=trusting).send(LETTER, letter_id="3")
        assert len(private.letters) == 1
    assert SECRET not in repr(server)
    assert EMAIL not in repr(LETTER)


def test_smtp_when_the_address_is_beyond_ascii_and_the_server_is_not_then_refused(server) -> None:
    with pytest.raises(MailRefusedError, match="address_not_supported"):
        server.mailer().send(replace(LETTER, to="grüße@example.org"), letter_id="1")


def test_password_when_changed_or_reset_then_the_person_is_told(
    uow_factory, club, queue, send, server
) -> None:
    def last_letter() -> str:
        jobs = [job for job in queue.jobs if job.name == SEND_MAIL]
        assert send(UUID(jobs[-1].args[0])) is SendResult.SENT
        assert server.letters[-1]["To"] == club.email
        return server.text()

    with uow_factory(None) as uow:
        logins.change_password(
            uow=uow, principal=club.principal, current=PASSWORD, new="another four plain words", post=POST,
            passwords=QUICK_PASSWORDS,
        )  # fmt: skip
    assert "your password was changed" in last_letter()
    with uow_factory(None) as uow:
        made = logins.find_and_issue_reset(uow=uow, email=club.email, post=POST)
    assert made is not None
    assert made.is_mailed
    assert f"/new-password#{made.token}" in last_letter()
    with uow_factory(None) as uow:
        logins.use_reset(
            uow=uow, token=made.token, new="yet other plain words", post=POST, passwords=QUICK_PASSWORDS
        )
    assert "a new password was set by a link" in last_letter()
