"""The words of every letter. Names in them were given by people: they are cut short and kept on one line."""

from app.mail.mailer import Letter

_MAX_NAME_CHARS = 80


def invitation_letter(*, to: str, organisation_name: str, link: str) -> Letter:
    """Invite somebody."""
    name = _line(organisation_name)
    return Letter(
        to=to,
        subject=f"{name} invites you to Plumbline",
        text=_text(
            "Hello,",
            f"{name} works with Plumbline, which screens how athletes land, and invites you to join as a member.",
            f"Open this link to come in. It lets one person in, once, within a week:\n{link}",
            "You do not know what this is about? Then do nothing: without the link nobody comes in.",
        ),
    )


def reset_letter(*, to: str, display_name: str, link: str) -> Letter:
    """Help somebody to a new password."""
    return Letter(
        to=to,
        subject="Set a new Plumbline password",
        text=_text(
            f"Hello {_line(display_name)},",
            "somebody, most likely you, asked for a new password for this address.",
            f"Open this link to set one. It works once, within the hour:\n{link}",
            "It was not you? Then do nothing: your password stays as it is.",
        ),
    )


def security_letter(*, to: str, display_name: str, what: str, security_url: str) -> Letter:
    """Tell somebody that the way into their account changed; `what` is a whole sentence."""
    return Letter(
        to=to,
        subject="The way into your Plumbline account changed",
        text=_text(
            f"Hello {_line(display_name)},",
            what,
            f"It was you? Then all is well. Otherwise end every login and change your password now:\n{security_url}",
            "If you cannot sign in any more, ask the owner of your organisation for help.",
        ),
    )


def webhook_letter(*, to: str, display_name: str, why: str, webhook_url: str) -> Letter:
    """Tell an owner that nothing is sent to a webhook any more; `why` is a whole sentence."""
    return Letter(
        to=to,
        subject="A Plumbline webhook was switched off",
        text=_text(
            f"Hello {_line(display_name)},",
            f"a webhook of your organisation is switched off. {why} A program of yours may now miss what happens.",
            f"What was sent, what became of it, and the switch are here:\n{webhook_url}",
        ),
    )


def _text(*paragraphs: str) -> str:
    return "\n\n".join(paragraphs) + "\n"


def _line(name: str) -> str:
    return " ".join(name.split())[:_MAX_NAME_CHARS]
