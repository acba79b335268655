"""Sending to an address somebody else chose: where it may go, and how long it may take."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.domain.webhooks import PostFailure, PostOutcome
from app.integrations.webhook_post import (
    TargetRefusedError,
    WebhookPost,
    check_target,
    is_public,
    resolve,
)
from tests.support.mail import make_certificate
from tests.support.receiver import Receiver, receiving

AGENT = "Plumbline/test"


def send(url: str, **changes: object) -> PostOutcome:
    post = WebhookPost(**({"user_agent": AGENT, "allow_private": True, "timeout_s": 2.0} | changes))  # type: ignore[arg-type]  # changes are of every kind
    return post(url, headers={"webhook-id": "m-1"}, body=b"{}")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001::1", "nonsense",
    ],
)  # fmt: skip
def test_address_when_it_is_not_on_the_public_internet_then_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_address_when_it_is_public_then_taken(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "ftp://example.org/", "https://", "https:///x", "//example.org/", "example.org",
        "https://user:secret@example.org/", "https://example.org/#x", "https://localhost/", "https://intranet/",
        "https://printer.local/", "https://metadata.google.internal/", "https://127.0.0.1/", "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/", "https://[::ffff:10.0.0.1]/", "https://example.org:99999/",
        "https://exa mple.org/", "https://example.org/\r\nX: y", "https://example.org/" + "x" * 2000,
        "https://ex\u00e4mple.org/", "https://[::1",
    ],
)  # fmt: skip
def test_target_when_nothing_may_be_sent_there_then_refused_before_anything_is_looked_up(url: str) -> None:
    with pytest.raises(TargetRefusedError):
        check_target(url, allow_private=False)


@pytest.mark.parametrize("url", ["https://2130706433/", "https://0x7f000001/", "https://127.1/"])
def test_target_when_an_address_is_disguised_as_a_name_then_refused_at_the_latest_when_resolved(
    url: str,
) -> None:
    outcome = send(url, allow_private=False)
    assert outcome.failure in {PostFailure.ADDRESS_REFUSED, PostFailure.NOT_FOUND}
    assert outcome.status is None


def test_target_when_taken_apart_then_host_port_and_path() -> None:
    target = check_target("https://hooks.example.org:8443/a/b?c=d", allow_private=False)
    assert (target.is_https, target.host, target.port, target.path) == (
        True,
        "hooks.example.org",
        8443,
        "/a/b?c=d",
    )
    assert check_target("https://hooks.example.org", allow_private=False).path == "/"


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"]])
def test_name_when_any_of_its_addresses_is_private_then_nothing_is_sent(addresses: list[str]) -> None:
    outcome = send("https://hooks.example.org/", allow_private=False, resolve=lambda _host, _port: addresses)
    assert outcome.failure is PostFailure.ADDRESS_REFUSED


def test_name_when_it_leads_elsewhere_the_second_time_then_only_the_first_address_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name is asked for once; the connection goes to the address that was looked at."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    connected: list[str] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("asked a second time"))
    outcome = send(
        "https://hooks.example.org/", allow_private=False, resolve=lambda _host, _port: answers.pop(0)
    )
    assert (outcome.failure, connected) == (PostFailure.CONNECTION, ["93.184.216.34"])
    assert answers == [["127.0.0.1"]]


def test_post_when_taken_then_the_headers_and_body_arrive() -> None:
    with receiving() as receiver:
        receiver.secret = "whsec_AAAA"
        receiver.statuses = [599]
        send(receiver.url)
        headers, body = receiver.raw[0]
    assert body == b"{}"
    assert (headers["webhook-id"], headers["user-agent"]) == ("m-1", AGENT)


def _answered(receiver: Receiver, status: int) -> PostOutcome:
    receiver.statuses = [status]
    return send(receiver.url)


def test_post_when_answered_then_only_2xx_counts_and_redirects_are_not_followed() -> None:
    with receiving() as receiver, receiving() as elsewhere:
        receiver.headers = {"Location": elsewhere.url, "Retry-After": "7"}
        receiver.answer = b"no\x00 \xff" + b"x" * 100_000
        redirected = _answered(receiver, 302)
        refused = _answered(receiver, 503)
        assert elsewhere.raw == []
    assert (redirected.failure, redirected.status) == (PostFailure.REDIRECT, 302)
    assert (refused.failure, refused.retry_after_s, refused.holds_for_all) == (PostFailure.STATUS, 7.0, True)
    assert refused.answer.startswith("no")
    assert len(refused.answer) == 500
    assert refused.answer.isprintable()


def test_post_when_nobody_listens_or_the_name_is_unknown_then_said_so() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert send(f"http://127.0.0.1:{port}/").failure is PostFailure.CONNECTION

    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    assert send("https://nobody.example.org/", resolve=unknown).failure is PostFailure.NOT_FOUND


@contextmanager
def talking(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says what it is told to the first who connects, and has all the time in the world."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            taken, _ = server.accept()
            with taken:
                try:
                    say(taken)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(5)


def test_post_when_bytes_drip_in_then_the_whole_attempt_has_a_deadline() -> None:
    def drip(taken: socket.socket) -> None:
        taken.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(200):
            taken.sendall(b"X-Header-%d: x\r\n" % number)
            time.sleep(0.05)

    with talking(drip) as url:
        started_s = time.monotonic()
        outcome = send(url, timeout_s=0.4)
    assert time.monotonic() - started_s < 2.0
    assert (outcome.failure, outcome.status) == (PostFailure.TIMEOUT, None)


@pytest.mark.parametrize("said", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500])
def test_post_when_the_answer_is_no_http_then_a_failed_attempt(said: bytes) -> None:
    with talking(lambda taken: taken.sendall(said)) as url:
        assert send(url).failure in {PostFailure.PROTOCOL, PostFailure.CONNECTION}


def test_post_when_over_tls_then_the_certificate_must_be_of_the_name_though_the_address_is_pinned(
    tmp_path: Path,
) -> None:
    certificate, key = make_certificate(tmp_path, name="DNS:hooks.example.org")
    with receiving(tls=(certificate, key)) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        pinned = {
            "resolve": lambda _host, _port: ["127.0.0.1"],
            "tls": ssl.create_default_context(cafile=certificate),
        }
        receiver.statuses = [418] * 3
        assert send(f"https://hooks.example.org:{port}/", **pinned).status == 418
        assert send(f"https://other.example.org:{port}/", **pinned).failure is PostFailure.TLS
        untrusted = pinned | {"tls": ssl.create_default_context()}
        assert send(f"https://hooks.example.org:{port}/", **untrusted).failure is PostFailure.TLS
        assert len(receiver.raw) == 1
        assert receiver.raw[0][0]["host"] == f"hooks.example.org:{port}"


def test_resolve_when_a_name_has_addresses_then_each_once() -> None:
    assert "127.0.0.1" in resolve("localhost", 443)
