"""The picture that a module outside of the marketplace has to have: an SVG, nothing else is taken."""

from switchhook.core.edge import Reply

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">'
    b'<rect width="64" height="64" rx="14" fill="#1f6f5c"/>'
    b'<path d="M14 26c0-6 8-9 18-9s18 3 18 9v4H39v-5c-4-1-10-1-14 0v5H14z" fill="#fff"/>'
    b'<path d="M32 31v8m0 0c0 9 12 9 12 1" fill="none" stroke="#fff" stroke-width="5"/>'
    b"</svg>"
)


def logo() -> Reply:
    return Reply(
        body=SVG,
        content_type="image/svg+xml",
        headers={"Cache-Control": "public, max-age=86400", "Content-Security-Policy": "default-src 'none'"},
    )
