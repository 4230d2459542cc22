"""The consent page and Google's error page: plain forms, every word of the request escaped."""

from collections.abc import Mapping
from html import escape

from fastapi.responses import HTMLResponse

_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


def _page(title: str, body: str, status: int) -> HTMLResponse:
    text = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title>"
        "<style>body{font:16px system-ui;max-width:34rem;margin:3rem auto;padding:0 1rem}"
        "label{display:block;margin:.6rem 0}</style></head><body>"
        f"<p><small>Google stand-in (sandbox)</small></p><h1>{escape(title)}</h1>{body}"
        "</body></html>"
    )
    return HTMLResponse(text, status, _HEADERS)


def error(status: int, word: str, text: str) -> HTMLResponse:
    """Shown instead of sending anybody to an address that Google does not trust."""
    body = f"<p>{escape(text)}</p><p>Error {status}: {escape(word)}</p>"
    return _page("Access blocked: authorization error", body, status)


def consent(
    hidden: Mapping[str, str],
    people: Mapping[str, str],
    boxes: Mapping[str, str],
    lines: list[str],
    hint: str,
) -> HTMLResponse:
    """Choose an account, tick what may be read, allow or cancel."""
    inputs = "".join(
        f"<input type='hidden' name='{escape(name)}' value='{escape(value)}'>"
        for name, value in hidden.items()
    )
    options = "".join(
        f"<option value='{escape(key)}'{' selected' if key == hint else ''}>{escape(text)}</option>"
        for key, text in people.items()
    )
    ticks = "".join(
        f"<label><input type='checkbox' name='granted' value='{escape(scope)}'>"
        f" {escape(label)}</label>"
        for scope, label in boxes.items()
    )
    said = "".join(f"<li>{escape(line)}</li>" for line in lines)
    body = (
        f"<form method='post' action='/o/oauth2/v2/auth'>{inputs}"
        f"<label>Account <select name='persona'>{options}</select></label>"
        f"<ul>{said}</ul>{ticks}"
        "<p><button type='submit' name='decision' value='allow'>Continue</button> "
        "<button type='submit' name='decision' value='deny'>Cancel</button></p></form>"
    )
    return _page("Opside wants access to your Google Account", body, 200)
