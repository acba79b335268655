"""What each route documents besides its success: the errors it can answer with."""

from typing import Any

from app.api.errors import MEDIA_TYPE
from app.api.schemas.problem import ProblemDocument

_DESCRIPTIONS = {
    400: "The request is damaged.",
    401: "No valid API key or login.",
    403: "The key or login may not do this, or a cookie came from another site.",
    404: "No such thing in your organisation.",
    408: "The client stopped sending.",
    409: "Somebody else changed it first.",
    410: "The upload was called off, ran out or was refused.",
    412: "It has changed since you read it; read it again.",
    413: "Larger than allowed.",
    415: "Wrong type of content.",
    416: "The range lies outside the file.",
    422: "A value needs correcting, or the video cannot be used.",
    423: "Another request is at work on it; `Retry-After` says when to try again.",
    429: "Too often; `Retry-After` says when to try again.",
    460: "The piece was damaged on its way; nothing of it was kept.",
    500: "Something went wrong on our side; quote the request_id.",
    503: "The database is away; `Retry-After` says when to try again.",
    507: "No room left for the video.",
}
EVERYWHERE = (401, 403, 429, 500, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these errors and of those every route can answer with."""
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}}},
        }
        for status in sorted({*statuses, *EVERYWHERE})
    }
