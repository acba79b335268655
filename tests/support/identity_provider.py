"""A small identity provider on loopback that really speaks OpenID Connect, and can be told to lie."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.web.preview import serve

CLIENT_ID = "plumbline"
CLIENT_SECRET = "provider canary: secret/with+signs"


@dataclass(slots=True)
class Provider:
    """What it says; tests change it to see what is refused."""

    issuer: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    """Claims about whoever signs in there."""
    lies: dict[str, Any] = field(default_factory=dict)
    """Claims of the ID token instead of the right ones; None leaves one out."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Metadata instead of the right ones."""
    algorithm: str = "RS256"
    signs_with_another_key: bool = False
    hides_email: bool = False
    """Tells the address at the userinfo endpoint alone."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """Parameters of every visit."""
    n_tokens: int = 0
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    _other: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))

    def be_honest(self) -> None:
        """Begin again with the truth."""
        self.lies, self.metadata, self.asked = {}, {}, []
        self.algorithm, self.signs_with_another_key, self.hides_email = "RS256", False, False

    async def discovery(self, _request: Request) -> Response:
        at = self.issuer
        return JSONResponse({
            "issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys", "userinfo_endpoint": f"{at}/userinfo",
            "authorization_response_iss_parameter_supported": True, **self.metadata,
        })  # fmt: skip

    async def keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False) | {"use": "sig"}]})

    async def authorize(self, request: Request) -> Response:
        """Sign the person in without asking, and send them back."""
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = uuid4().hex
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", status_code=302)

    async def token(self, request: Request) -> Response:
        """Check the client, the code and the verifier, as a provider must."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        expected = base64.b64encode(b"plumbline:provider%20canary%3A%20secret%2Fwith%2Bsigns").decode()
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        self.n_tokens += 1
        return JSONResponse({
            "access_token": "an access token", "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])
        })  # fmt: skip

    async def userinfo(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer an access token"
        return JSONResponse(self.person)

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        person = {
            name: value
            for name, value in self.person.items()
            if not (self.hides_email and name.startswith("email"))
        }
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, **person, **self.lies,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "one"}
        if self.algorithm == "none":
            parts = [base64.urlsafe_b64encode(_json(part)).rstrip(b"=").decode() for part in (header, claims)]
            return ".".join((*parts, ""))
        if self.algorithm == "HS256":
            return jwt.encode(header, claims, OctKey.import_key(CLIENT_SECRET))
        return jwt.encode(header, claims, self._other if self.signs_with_another_key else self._key)


def _json(part: dict[str, Any]) -> bytes:
    return json.dumps(part).encode()


@contextmanager
def identity_provider() -> Iterator[Provider]:
    """Run one until left."""
    found = Provider()
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", found.discovery),
            Route("/keys", found.keys),
            Route("/authorize", found.authorize),
            Route("/token", found.token, methods=["POST"]),
            Route("/userinfo", found.userinfo),
        ]
    )
    with serve(app) as address:  # type: ignore[arg-type]  # any ASGI application will do
        found.issuer = address
        yield found
