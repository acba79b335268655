"""QR codes as drawings that stand in a page."""

from markupsafe import Markup, escape


def qr_code(text: str, *, label: str) -> Markup:
    """Return a QR code as SVG, named for readers that do not see it: dark on light, whatever the page's colours."""
    import segno  # with the first code: most processes never draw one

    drawn = segno.make(text, error="m", micro=False).svg_inline(
        scale=4, omitsize=True, dark="#000", light="#fff", svgclass="qr", lineclass=None
    )
    return Markup(drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1))  # noqa: S704  # drawn by segno, the label escaped
