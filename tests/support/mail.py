"""A mail server on loopback that really speaks SMTP; it keeps what it took."""

import logging
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session

from app.mail.smtp import SmtpMailer, SmtpSecurity, SmtpServer
from tests.support.processes import free_port

SENDER = "Plumbline <noreply@screen.example.org>"
USER, SECRET = "postmaster", "mail canary secret"

# The server's own log tells of every letter, and is no part of the service.
logging.getLogger("mail.log").disabled = True


@dataclass(slots=True)
class MailServer:
    """Where it listens, what it took, and how it answers."""

    host: str = "127.0.0.1"
    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    recipient_answer: str = "250 OK"
    letter_answer: str = "250 OK"
    n_sign_ins: int = 0

    async def handle_RCPT(  # noqa: N802  # the server's name for it
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(  # noqa: N802  # the server's name for it
        self, server: Any, session: Session, envelope: Envelope
    ) -> str:
        if self.letter_answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.letters.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]  # by policy an EmailMessage
        return self.letter_answer

    def text(self, number: int = -1) -> str:
        """Return the words of one letter."""
        body = self.letters[number].get_body()
        assert body is not None
        return str(body.get_content())

    def settings(self) -> dict[str, Any]:
        """Return the settings that lead here, in the clear."""
        return {
            "smtp_host": self.host,
            "smtp_port": self.port,
            "smtp_security": SmtpSecurity.NONE,
            "mail_from": SENDER,
        }

    def mailer(self) -> SmtpMailer:
        return SmtpMailer(
            SmtpServer(host=self.host, port=self.port, security=SmtpSecurity.NONE, sender=SENDER)
        )

    def _sign_in(self, *said: Any) -> AuthResult:
        login = said[-1]
        matches = (login.login, login.password) == (USER.encode(), SECRET.encode())
        self.n_sign_ins += matches
        return AuthResult(success=matches, handled=False)


@contextmanager
def mail_server(*, certificate: tuple[Path, Path] | None = None, tls: bool = False) -> Iterator[MailServer]:
    """Run one until left. With a certificate it asks for STARTTLS and a sign-in, or with `tls` for TLS at once alone."""
    found = MailServer()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    private = context is not None
    controller = Controller(
        found,
        hostname=found.host,
        port=free_port(),
        ssl_context=context if tls else None,
        tls_context=None if tls else context,
        require_starttls=private and not tls,
        auth_required=private and not tls,
        authenticator=found._sign_in if private else None,
        enable_SMTPUTF8=False,
    )
    controller.start()
    try:
        found.port = controller.port
        yield found
    finally:
        controller.stop()


def make_certificate(folder: Path, *, name: str = "IP:127.0.0.1") -> tuple[Path, Path]:
    """Make a certificate for this name or address that nobody trusts unless told to."""
    certificate, key = folder / "mail.pem", folder / "mail.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=test", "-addext", f"subjectAltName={name}", "-out", certificate, "-keyout", key],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
