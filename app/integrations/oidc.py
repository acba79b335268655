"""OpenID Connect as its client: discovery, the way to the provider, the code for tokens, the token's claims.

The authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636, RFC 9207). Everything a
provider says is taken as said by a stranger: sizes are limited, no redirect is followed, only asymmetric signatures count.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

# authlib and joserfc are loaded by whoever needs them first: most services have no identity provider.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that the provider alone can make; neither none nor those by a shared secret."""
LEEWAY_S: Final = 60
SCOPE: Final = "openid email profile"
MAX_SUBJECT_CHARS: Final = 255


class ProviderError(Exception):
    """The provider did not answer as one should; the message says what is wrong, for whoever set it up."""


class Fetch(Protocol):
    """Asks an address of somebody else's for a JSON object."""

    def __call__(
        self, url: str, *, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Get, or with a form post; raise `ProviderError` when there is no such answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who we are at a provider."""

    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    takes_secret_in_form: bool
    names_issuer: bool
    """Answers name who gives them (RFC 9207); then one that does not is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a provider says somebody is."""

    subject: str
    email: str | None
    is_email_verified: bool
    name: str | None


def discover(issuer: str, *, fetch: Fetch) -> Metadata:
    """Read what the provider says of itself; it must call itself what we call it."""
    found = fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration", headers={})
    if found.get("issuer") != issuer:
        raise ProviderError("It calls itself something else than the issuer that was entered.")
    methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_address(found, "authorization_endpoint", like=issuer),
        token_endpoint=_address(found, "token_endpoint", like=issuer),
        jwks_uri=_address(found, "jwks_uri", like=issuer),
        userinfo_endpoint=_address(found, "userinfo_endpoint", like=issuer)
        if found.get("userinfo_endpoint")
        else None,
        takes_secret_in_form="client_secret_basic" not in methods and "client_secret_post" in methods,
        names_issuer=found.get("authorization_response_iss_parameter_supported") is True,
    )


def authorization_url(
    metadata: Metadata,
    client: Client,
    *,
    state: str,
    nonce: str,
    code_verifier: str,
    asks_again: bool,
    email: str,
) -> str:
    """Return where the browser goes to sign in there; `asks_again` although it may be signed in already."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    more = {"prompt": "login"} if asks_again else {}
    if email:
        more["login_hint"] = email
    return str(
        prepare_grant_uri(
            metadata.authorization_endpoint,
            client_id=client.client_id,
            response_type="code",
            redirect_uri=client.redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(code_verifier),
            code_challenge_method="S256",
            **more,
        )
    )


def redeem(
    metadata: Metadata, client: Client, *, code: str, code_verifier: str, nonce: str, fetch: Fetch
) -> Identity:
    """Exchange the code and return who it is about; raise `ProviderError` when anything does not fit."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": code_verifier,
    }
    headers: dict[str, str] = {}
    if client.client_secret is None:
        form["client_id"] = client.client_id
    elif metadata.takes_secret_in_form:
        form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    else:
        pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    tokens = fetch(metadata.token_endpoint, headers=headers, form=form)
    id_token = tokens.get("id_token")
    if not isinstance(id_token, str):
        raise ProviderError("It gave no ID token.")
    claims = check_id_token(
        id_token, keys=fetch(metadata.jwks_uri, headers={}), metadata=metadata, client=client, nonce=nonce
    )
    if (
        claims.get("email") is None
        and metadata.userinfo_endpoint
        and isinstance(tokens.get("access_token"), str)
    ):
        more = fetch(
            metadata.userinfo_endpoint, headers={"Authorization": f"Bearer {tokens['access_token']}"}
        )
        if more.get("sub") != claims["sub"]:
            raise ProviderError("Its two answers are about two people.")
        claims = {**more, **claims}
    return _identity(claims)


def check_id_token(
    id_token: str, *, keys: dict[str, Any], metadata: Metadata, client: Client, nonce: str
) -> dict[str, Any]:
    """Return the claims of an ID token that is signed by the provider, fresh, for us, and about this sign-in."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]  # a key set of strangers
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": metadata.issuer},
            aud={"essential": True, "value": client.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        registry.validate(token.claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProviderError(f"Its ID token does not hold ({type(error).__name__}).") from None
    claims: dict[str, Any] = dict(token.claims)
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != client.client_id:
        raise ProviderError("Its ID token is for several, and not handed to us.")
    if claims.get("azp", client.client_id) != client.client_id:
        raise ProviderError("Its ID token was handed to somebody else.")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARS:
        raise ProviderError("Its ID token names nobody.")
    return claims


def _identity(claims: dict[str, Any]) -> Identity:
    email, name = claims.get("email"), claims.get("name")
    return Identity(
        subject=str(claims["sub"]),
        email=email.strip().lower() if isinstance(email, str) and email.strip() else None,
        is_email_verified=claims.get("email_verified") in (True, "true"),
        name=name.strip()[:200] if isinstance(name, str) and name.strip() else None,
    )


def _address(found: dict[str, Any], name: str, *, like: str) -> str:
    """Return an address of the metadata; one of a provider by https is by https, too."""
    address = found.get(name)
    scheme = urlsplit(like).scheme
    if not isinstance(address, str) or urlsplit(address).scheme not in {scheme, "https"}:
        raise ProviderError(f"It has no usable {name}.")
    return address
