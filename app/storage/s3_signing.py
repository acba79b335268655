"""Addresses of an S3 store that let whoever has them do one thing, for a while: AWS Signature Version 4 in the query.

Written here because the library that talks to the store cannot sign a length: with it, a part can be no larger than
the one that was announced. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import quote, urlencode, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Signer:
    """Signs with one key for one bucket."""

    endpoint_url: str
    """Without the bucket, which comes first in the path."""
    bucket: str
    region: str
    key_id: str
    secret: str = field(repr=False)

    def sign_put(self, key: str, *, size_bytes: int, expires_s: float, now: datetime | None = None) -> str:
        """Return the address for one PUT of exactly so many bytes as this object."""
        return self.sign(
            "PUT", key, expires_s=expires_s, headers={"content-length": str(size_bytes)}, now=now
        )

    def sign(
        self,
        method: str,
        key: str = "",
        *,
        expires_s: float,
        query: Mapping[str, str] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
        now: datetime | None = None,
    ) -> str:
        """Return the address for one request with these headers, in lower case; without a key, of the bucket itself."""
        now = now or datetime.now(UTC)
        signed = dict(sorted({**headers, "host": urlsplit(self.endpoint_url).netloc}.items()))
        scope = f"{now:%Y%m%d}/{self.region}/s3/aws4_request"
        asked = {
            **query,
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{self.key_id}/{scope}",
            "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
            "X-Amz-Expires": str(int(expires_s)),
            "X-Amz-SignedHeaders": ";".join(signed),
        }
        search = urlencode(sorted(asked.items()), quote_via=quote, safe="-_.~")
        whole = "/".join(filter(None, (self.bucket, key)))
        path = quote(f"{urlsplit(self.endpoint_url).path.rstrip('/')}/{whole}", safe="/-_.~")
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        request = f"{method}\n{path}\n{search}\n{lines}\n{';'.join(signed)}\nUNSIGNED-PAYLOAD"
        to_sign = (
            f"{_ALGORITHM}\n{now:%Y%m%dT%H%M%SZ}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        )
        signature = _hmac(self._signing_key(now), to_sign).hex()
        origin = urlsplit(self.endpoint_url)
        return f"{origin.scheme}://{origin.netloc}{path}?{search}&X-Amz-Signature={signature}"

    def _signing_key(self, now: datetime) -> bytes:
        signed = f"AWS4{self.secret}".encode()
        for part in (f"{now:%Y%m%d}", self.region, "s3", "aws4_request"):
            signed = _hmac(signed, part)
        return signed


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode(), hashlib.sha256).digest()
