"""The `Link` header of RFC 8288 that leads to the next page."""

from fastapi import Request, Response


def add_next_link(request: Request, response: Response, next_cursor: str | None) -> None:
    """Name the next page's address, keeping the other parameters; nothing on the last page."""
    if next_cursor is not None:
        url = request.url.include_query_params(cursor=next_cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
