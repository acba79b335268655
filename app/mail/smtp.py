"""Mail by SMTP. One connection per letter: they are few, and a server may go away between two."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from enum import StrEnum

from app.mail.mailer import Letter, MailDelayedError, MailRefusedError

STEP_TIMEOUT_S = 15.0
"""For each answer of the server; a whole conversation has about ten."""


class SmtpSecurity(StrEnum):
    """How the connection is kept private."""

    STARTTLS = "starttls"
    """Begins in the clear and turns to TLS before anything is said; usually port 587."""
    TLS = "tls"
    """TLS from the first byte; usually port 465."""
    NONE = "none"
    """In the clear: for a relay on the same machine alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where letters are handed over, and as whom."""

    host: str
    port: int
    security: SmtpSecurity
    sender: str
    """As the reader sees it: an address, or a name and an address in angle brackets."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)


class SmtpMailer:
    """Hands letters to one SMTP server."""

    def __init__(self, server: SmtpServer, *, tls: ssl.SSLContext | None = None) -> None:
        """Keep the address; nothing is connected to yet. `tls` None trusts what this machine trusts."""
        self._server = server
        self._tls = tls or ssl.create_default_context()
        self._address = parseaddr(server.sender)[1]

    def send(self, letter: Letter, *, letter_id: str) -> None:
        """Hand one over; raise `MailDelayedError` or `MailRefusedError` when the server did not take it."""
        message = self._message(letter, letter_id=letter_id)
        connection = self._connect()
        try:
            connection.send_message(message, from_addr=self._address, to_addrs=[letter.to])
        except smtplib.SMTPRecipientsRefused as error:
            code = next((said[0] for said in error.recipients.values()), 0)
            raise _refusal(code, step="recipient") from error
        except smtplib.SMTPDataError as error:
            raise _refusal(error.smtp_code, step="letter") from error
        except (
            smtplib.SMTPNotSupportedError
        ) as error:  # an address beyond ASCII, and a server that knows none
            raise MailRefusedError("address_not_supported") from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailDelayedError(_reason(error, step="sender")) from error
        finally:
            # it is taken, or not, by now: how the server says good-bye changes nothing about that
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()
            connection.close()

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        try:
            if server.security is SmtpSecurity.TLS:
                connection: smtplib.SMTP = smtplib.SMTP_SSL(
                    server.host, server.port, timeout=STEP_TIMEOUT_S, context=self._tls
                )
            else:
                connection = smtplib.SMTP(server.host, server.port, timeout=STEP_TIMEOUT_S)
        except (smtplib.SMTPException, OSError) as error:
            raise MailDelayedError(_reason(error, step="connection")) from error
        try:
            if server.security is SmtpSecurity.STARTTLS:
                connection.starttls(context=self._tls)
            if server.user is not None:
                connection.login(server.user, server.password or "")
        except (smtplib.SMTPException, OSError) as error:
            connection.close()
            raise MailDelayedError(_reason(error, step="sign_in")) from error
        return connection

    def _message(self, letter: Letter, *, letter_id: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{letter_id}@{self._address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message


def _refusal(code: int, *, step: str) -> MailDelayedError | MailRefusedError:
    """Return what a code means: 5xx is never, 4xx may be later."""
    reason = f"{step}_{code}"
    return MailRefusedError(reason) if code >= 500 else MailDelayedError(reason)


def _reason(error: smtplib.SMTPException | OSError, *, step: str) -> str:
    """Say what went wrong in a code: a server's own words could hold an address."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{step}_{error.smtp_code}"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return f"{step}_timeout" if isinstance(error, TimeoutError) else f"{step}_failed"
