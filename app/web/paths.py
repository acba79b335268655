"""Where to go on to: paths on this site, and nothing else."""

from urllib.parse import urlsplit

from starlette.requests import Request

MAX_NEXT_CHARS = 500


def safe_path(path: str) -> str:
    """Return a path on this site to go on to; anything else becomes the start page."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours and len(path) <= MAX_NEXT_CHARS and "\\" not in path else "/"


def came_from(request: Request) -> str:
    """Return the page somebody is at: the one asked for, or for a form the one that it stands on."""
    if request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        return safe_path(f"{request.url.path}{query}")
    referer = urlsplit(request.headers.get("referer", ""))
    return safe_path(referer.path) if referer.netloc == request.headers.get("host") else "/"
