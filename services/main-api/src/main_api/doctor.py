"""Is this installation fit for people? The points that main-api alone can see."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from main_api.archive import EvidenceArchive
from main_api.runtime import SCHEMA, SERVICE
from main_api.settings import Settings
from opside_chassis.doctor import Point, Seen, cannot_tell, ok, wrong
from opside_chassis.doctor_points import Practice, fetch
from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_contracts import scopes

MAIL_PATIENCE_SECONDS = 5.0
_MAIL_PORTS = {"smtp": 587, "smtps": 465}
_REDIRECTS = {302, 303, 307}
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class MainPoints:
    """Sign-in, mail, documents, and that a charge without a key is refused."""

    settings: Settings

    def points(self) -> Sequence[Point]:
        """In the order in which they are mended."""
        door = "start main-api, or correct MAIN_API_URL"
        return (
            Point("sign-in with Amazon starts", "S0", self._sign_in, door),
            Point("cookies", "S0 S4", self._cookies, door),
            Point("Login with Amazon answers", "S0", self._amazon, "correct AMAZON_API_URL"),
            Point("mail server", "S4", self._mail, "correct MAIL_URL"),
            Point("archive of documents", "S4", self._archive),
            Point("charges want an idempotency key", "S1", self._charge, "start stripe-payments"),
        )

    async def _sign_in(self) -> Seen:
        answer = await fetch(f"{self.settings.main_api_url}/api/auth/amazon/start")
        target = urlsplit(answer.headers.get("location", ""))
        wanted = urlsplit(self.settings.amazon_login_url)
        if answer.status_code not in _REDIRECTS or target.netloc != wanted.netloc:
            return wrong(
                f"answers {answer.status_code} to {target.netloc or 'nowhere'}",
                "correct AMAZON_LOGIN_URL, or see the log",
            )
        return ok(f"leads to {target.netloc}")

    async def _cookies(self) -> Seen:
        answer = await fetch(f"{self.settings.main_api_url}/api/auth/amazon/start")
        given = [SimpleCookie(header) for header in answer.headers.get_list("set-cookie")]
        if not given:
            return cannot_tell("sign-in gives no cookie", "see sign-in above")
        for name, cookie in (pair for jar in given for pair in jar.items()):
            strict = cookie["samesite"].lower() in {"lax", "strict"}
            if not (
                name.startswith("__Host-") and cookie["secure"] and cookie["httponly"] and strict
            ):
                return wrong(f"{name} is not guarded", "no proxy may change Set-Cookie")
        return ok("Secure, HttpOnly, SameSite, of this host only")

    async def _amazon(self) -> Seen:
        answer = await fetch(self.settings.amazon_api_url)
        return ok(f"{urlsplit(self.settings.amazon_api_url).netloc}: {answer.status_code}")

    async def _mail(self) -> Seen:
        url = urlsplit(self.settings.mail_url.get_secret_value())
        if not url.scheme:
            return cannot_tell("nothing is sent by e-mail", "set MAIL_URL if sellers want letters")
        if url.scheme == "file":
            return wrong("letters are written to a folder", "name a mail server in MAIL_URL")
        place = (url.hostname or "", url.port or _MAIL_PORTS[url.scheme])
        await asyncio.to_thread(_connect, place)
        return ok(f"{place[0]}:{place[1]} answers")

    def _archive(self) -> Seen:
        EvidenceArchive.open(self.settings.evidence_archive_url)
        return ok("can be written")

    async def _charge(self) -> Seen:
        """Refused for its missing key, and for its empty body besides: nothing can come of it."""
        tokens = ServiceTokens(SigningKey.from_settings(self.settings, issuer=SERVICE), SERVICE)
        token = tokens.mint(audience="stripe-payments", scope=scopes.CHARGE_COMMISSION)
        answer = await fetch(
            f"{self.settings.payments_url}/api/v1/stripe/charge-commission",
            method="POST",
            headers={"Authorization": f"Bearer {token}"},
            body={
                "userId": "usr_doctor",
                "claimId": "clm_doctor",
                "amountRecoveredCents": 1,
                "currency": "usd",
            },
        )
        if answer.status_code != _BAD_REQUEST:
            return wrong(
                f"stripe-payments answers {answer.status_code} to a charge without a key",
                "compare SERVICE_PUBLIC_KEYS of both services, and their versions",
            )
        return ok("a charge without one is refused")


def _connect(place: tuple[str, int]) -> None:
    socket.create_connection(place, timeout=MAIL_PATIENCE_SECONDS).close()


@asynccontextmanager
async def _own(settings: Settings) -> AsyncIterator[Sequence[Point]]:
    yield MainPoints(settings).points()


PRACTICE = Practice(SERVICE, SCHEMA, Settings, _own)
