"""How REST answers an error: the table of `app.http.problems`, in the shape of RFC 9457."""

from fastapi.responses import JSONResponse

from app.http.problems import STATUS_BY_CODE, Problem, problem_of

__all__ = ["MEDIA_TYPE", "STATUS_BY_CODE", "problem_of", "render_problem"]

MEDIA_TYPE = "application/problem+json"


def render_problem(problem: Problem, *, request_id: str, instance: str) -> JSONResponse:
    """Return the problem as RFC 9457 JSON."""
    body: dict[str, object] = {
        "type": f"urn:plumbline:problem:{problem.code}",
        "title": problem.title,
        "status": int(problem.status),
        "detail": problem.message,
        "instance": instance,
        "code": problem.code,
        "message": problem.message,
        "how_to_fix": problem.how_to_fix,
        "request_id": request_id,
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    return JSONResponse(
        body, status_code=problem.status, headers=dict(problem.headers), media_type=MEDIA_TYPE
    )
