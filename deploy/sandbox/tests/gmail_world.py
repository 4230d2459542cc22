"""A running Google stand-in: a browser, an application, and the control API on it."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import httpx
from gmail_contract import CONTRACT
from sandbox_process import running

CLIENT = {
    "client_id": "sandbox-gmail.apps.googleusercontent.com",
    "client_secret": "sandbox-gmail-" + "secret",
}
REDIRECT_URI = "http://127.0.0.1:8000/api/gmail/callback"
GMAIL = "https://www.googleapis.com/auth/gmail.readonly"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"
VERIFIER = "v" * 50
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
REQUEST = {
    "client_id": CLIENT["client_id"],
    "redirect_uri": REDIRECT_URI,
    "response_type": "code",
    "scope": f"{GMAIL} openid email",
    "state": "a b&c=d",
    "access_type": "offline",
}
DAY = 86400


class _Form(HTMLParser):
    """The fields of the consent page, as a browser would send them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.people: list[str] = []
        self.boxes: list[str] = []
        self.chosen = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if given.get("type") == "hidden":
            self.hidden[given["name"]] = given["value"]
        elif given.get("type") == "checkbox":
            self.boxes.append(given["value"])
        elif tag == "option":
            self.people.append(given["value"])
            if "selected" in given:
                self.chosen = given["value"]


@dataclass
class Google:
    """The stand-in's doors."""

    http: httpx.Client
    control: httpx.Client
    amazon: str

    def page(self, **more: str) -> httpx.Response:
        return self.http.get("/o/oauth2/v2/auth", params={**REQUEST, **more})

    def form(self, **more: str) -> _Form:
        answer = self.page(**more)
        assert answer.status_code == 200, answer.text
        return _Form(answer.text)

    def decide(
        self, persona: str = "ada", decision: str = "allow", *, tick: bool = True, **more: str
    ) -> httpx.QueryParams:
        """Through the page to the application: the query of the callback."""
        form = self.form(**more)
        data: dict[str, Any] = {**form.hidden, "persona": persona, "decision": decision}
        data["granted"] = form.boxes if tick else []
        answer = self.http.post("/o/oauth2/v2/auth", data=data)
        assert answer.status_code == 302, answer.text
        assert answer.headers["location"].startswith(REDIRECT_URI + "?")
        return httpx.URL(answer.headers["location"]).params

    def token(self, **form: str) -> httpx.Response:
        return self.http.post("/token", data={**CLIENT, **form})

    def exchange(self, code: str, **more: str) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        return self.token(**{**form, **more})

    def grant(self, persona: str = "ada", prompt: str = "consent", **more: str) -> dict[str, Any]:
        """The tokens of a person who ticked everything."""
        answer = self.exchange(self.decide(persona, prompt=prompt, **more)["code"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=token)

    def userinfo(self, token: str) -> httpx.Response:
        return self.http.get("/v1/userinfo", headers={"Authorization": f"Bearer {token}"})

    def mailbox(self, persona: str = "ada") -> "Mailbox":
        return Mailbox(self, self.grant(persona)["access_token"])

    def wait(self, days: float) -> None:
        answer = self.control.post("/control/clock/advance", json={"seconds": days * DAY})
        assert answer.status_code == 200

    def now(self) -> datetime:
        return datetime.fromisoformat(self.control.get("/control/clock").json()["now"])

    def act(self, path: str, **body: Any) -> Any:
        answer = self.control.post(f"/control/gmail/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass
class Mailbox:
    """API calls of one person; every exchange goes through the discovery document."""

    google: Google
    access_token: str

    def call(self, path: str, **query: Any) -> httpx.Response:
        answer = self.google.http.get(
            f"/gmail/v1/users/me/{path}",
            params=query,
            headers={"Authorization": f"Bearer {self.access_token}"},
        )
        CONTRACT.exchange(answer)
        return answer

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.call(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self, q: str = "", **query: Any) -> list[str]:
        """Every id of a search, all pages."""
        asked = {**({"q": q} if q else {}), "maxResults": 500, **query}
        found = []
        while True:
            answer = self.get("messages", **asked)
            found += [one["id"] for one in answer.get("messages", [])]
            if "nextPageToken" not in answer:
                return found
            asked["pageToken"] = answer["nextPageToken"]


@contextmanager
def google(**settings: str) -> Iterator[Google]:
    """A stand-in of its own: tests move its clock."""
    with (
        running(**settings) as sandbox,
        httpx.Client(base_url=sandbox.gmail, timeout=60) as http,
        httpx.Client(base_url=sandbox.control, timeout=60) as control,
    ):
        yield Google(http, control, sandbox.amazon)


def decoded(text: str) -> bytes:
    """base64url, padding or not."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
