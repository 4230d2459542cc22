"""Plain HTML pages: forms without script, every word of the request escaped."""

from collections.abc import Iterable, Mapping
from html import escape

from fastapi.responses import HTMLResponse

_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    """A whole page around an already escaped body."""
    text = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title>"
        "<style>body{font:16px system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem}"
        "label{display:block;margin:.5rem 0}td,th{padding:.2rem .6rem;text-align:left}</style>"
        f"</head><body><p><small>Amazon stand-in (sandbox)</small></p><h1>{escape(title)}</h1>"
        f"{body}</body></html>"
    )
    return HTMLResponse(text, status_code=status, headers=_HEADERS)


def paragraph(text: str) -> str:
    """Escaped text in a paragraph."""
    return f"<p>{escape(text)}</p>"


def form(action: str, hidden: Mapping[str, str], fields: str, buttons: Mapping[str, str]) -> str:
    """A POST form; `buttons` maps the value of `decision` to its label."""
    inputs = "".join(
        f"<input type='hidden' name='{escape(name)}' value='{escape(value)}'>"
        for name, value in hidden.items()
    )
    pressed = " ".join(
        f"<button type='submit' name='decision' value='{escape(value)}'>{escape(label)}</button>"
        for value, label in buttons.items()
    )
    return f"<form method='post' action='{escape(action)}'>{inputs}{fields}<p>{pressed}</p></form>"


def select(name: str, label: str, options: Mapping[str, str], chosen: str = "") -> str:
    """A labelled choice."""
    items = "".join(
        f"<option value='{escape(value)}'{' selected' if value == chosen else ''}>"
        f"{escape(text)}</option>"
        for value, text in options.items()
    )
    return f"<label>{escape(label)} <select name='{escape(name)}'>{items}</select></label>"


def text_input(name: str, label: str, value: str = "") -> str:
    """A labelled one-line input."""
    return f"<label>{escape(label)} <input name='{escape(name)}' value='{escape(value)}'></label>"


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Escaped cells in a table."""
    head = "".join(f"<th>{escape(one)}</th>" for one in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
