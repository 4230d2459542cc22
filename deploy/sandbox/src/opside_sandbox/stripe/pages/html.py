"""HTML by hand: everything that comes from outside is escaped."""

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import HTMLResponse

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}"
    "label{display:block;margin:.6rem 0}input,select{font:inherit;width:100%;padding:.3rem}"
    "button{font:inherit;padding:.5rem 1rem;margin:1rem .5rem 0 0}"
    ".error{color:#b00020}.note{color:#555}"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action *",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    """A whole page. `body` is HTML: escape what you put into it."""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}"
        '<p class="note">This is the sandbox. No real bank, card or money is behind it.</p>'
        "</body></html>"
    )
    return HTMLResponse(text, status, _HEADERS)


def field(name: str, label: str, value: str = "") -> str:
    """A labelled text field."""
    return (
        f'<label>{escape(label)}<input name="{escape(name)}" value="{escape(value)}" '
        'autocomplete="off"></label>'
    )


def hidden(values: Mapping[str, str]) -> str:
    """Hidden fields."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in values.items()
    )


def choices(name: str, buttons: Mapping[str, str]) -> str:
    """Submit buttons that send `name`=key."""
    return "".join(
        f'<button name="{escape(name)}" value="{escape(value)}">{escape(label)}</button>'
        for value, label in buttons.items()
    )


def form(action: str, body: str) -> str:
    """A form that posts."""
    return f'<form method="post" action="{escape(action)}">{body}</form>'


def problem(text: str) -> str:
    """A line that says what is wrong."""
    return f'<p class="error">{escape(text)}</p>' if text else ""


async def posted(request: Request) -> dict[str, str]:
    """The fields of a posted form; of a repeated one, the last."""
    body = (await request.body())[:65536].decode("utf-8", "replace")
    return {name: values[-1].strip() for name, values in parse_qs(body).items()}
