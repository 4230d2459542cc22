"""Plain HTML pages as a person without scripts uses them: read a form, fill it in, send it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

from opside_local.journey.errors import JourneyFailed


@dataclass(slots=True)
class Form:
    """One form: where it goes, and what it would send as it stands."""

    action: str
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    """Values offered for a name: radio buttons, options, submit buttons."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the browser shows."""

    url: str
    status: int
    text: str

    def form(self, *, offering: str | None = None) -> Form:
        """The page's form, or the first with a field of that name; raises `JourneyFailed`."""
        reader = _FormReader(self.url)
        reader.feed(self.text)
        for form in reader.forms:
            if offering is None or offering in form.fields or offering in form.choices:
                return form
        raise JourneyFailed(f"{self.url} ({self.status}) shows no such form: {self.text[:300]}")


class _FormReader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._url = url
        self._select: str | None = None
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self._url, values.get("action", ""))
            self.forms.append(Form(action, values.get("method", "get").lower()))
            self._open = True
        elif self._open:
            self._field(tag, values)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False
        if tag == "select":
            self._select = None

    def _field(self, tag: str, values: dict[str, str]) -> None:
        form, name, value = self.forms[-1], values.get("name", ""), values.get("value", "")
        kind = values.get("type", "submit" if tag == "button" else "text")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select is not None:
            form.choices.setdefault(self._select, []).append(value)
            if "selected" in values:
                form.fields[self._select] = value
        elif name and kind in {"radio", "checkbox", "submit"} and tag in {"input", "button"}:
            form.choices.setdefault(name, []).append(value)
            if "checked" in values:
                form.fields[name] = value
        elif name and tag in {"input", "textarea"}:
            form.fields[name] = value
