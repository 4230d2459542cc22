"""Login with Amazon in memory: a code is good once, for the verifier whose challenge it was made for."""

import base64
import hashlib
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from main_api.amazon_login_api.errors import AmazonUnavailable, CodeRefused
from main_api.amazon_login_api.gateway import AmazonProfile

CONSENT_PAGE = "https://amazon.test/ap/oa"
ADA = AmazonProfile("amzn1.account.ada", "ada@example.com", "Ada Sandler")
BEN = AmazonProfile("amzn1.account.ben", "ben@example.com", "Ben Otto")
OLGA = AmazonProfile("amzn1.account.olga", "olga@opside.example", "Olga")


def query_of(url: str) -> dict[str, str]:
    """The query parameters of an address, each given once."""
    found = parse_qs(urlsplit(url).query, strict_parsing=True, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


@dataclass
class FakeAmazonLogin:
    """Implements `AmazonLogin`. `down` makes every exchange fail as an outage does."""

    down: bool = False
    exchanges: int = 0
    _codes: dict[str, tuple[AmazonProfile, str]] = field(default_factory=dict)

    def consent_url(self, *, state: str, code_challenge: str) -> str:
        return f"{CONSENT_PAGE}?{urlencode({'state': state, 'code_challenge': code_challenge})}"

    def consent(self, consent_url: str, person: AmazonProfile) -> tuple[str, str]:
        """The person allows it: the code and the state his browser returns with."""
        asked = query_of(consent_url)
        code = f"code-{len(self._codes)}"
        self._codes[code] = (person, asked["code_challenge"])
        return code, asked["state"]

    async def profile(self, *, code: str, code_verifier: str) -> AmazonProfile:
        self.exchanges += 1
        if self.down:
            raise AmazonUnavailable("Amazon does not answer; try again in a minute")
        person, challenge = self._codes.pop(code, (None, ""))
        digest = hashlib.sha256(code_verifier.encode()).digest()
        if person is None or challenge != base64.urlsafe_b64encode(digest).decode().rstrip("="):
            raise CodeRefused("Amazon did not accept this sign-in; start again")
        return person
