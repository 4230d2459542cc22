"""A seller consent that began in Amazon's Appstore goes on at Seller Central (facts/amazon-gmail.md 1.3)."""

from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from integrations_backend.settings import Settings
from opside_chassis.errors import BadRequest
from opside_contracts.integrations.messages import AppstoreVisit

_ENDS = (
    *("com", "ca", "com.mx", "com.br", "nl", "se", "pl", "com.be", "com.tr", "ae", "sa", "eg"),
    *("in", "co.jp", "com.au", "sg"),
)
SELLER_CENTRALS = frozenset(
    f"https://{host}"
    for host in (
        *(f"sellercentral.amazon.{end}" for end in _ENDS),
        "sellercentral-europe.amazon.com",
    )
)
"""Of every marketplace (facts/amazon-gmail.md section 1.5)."""


class NotSellerCentral(BadRequest):
    """An address that claims to be Amazon's, and is not."""

    code = "not_seller_central"


def appstore_url(settings: Settings, visit: AppstoreVisit, state: str) -> str:
    """Where the browser goes on, with Amazon's state and ours.

    Raises:
        NotSellerCentral: the address is none of Amazon's, nor of the sandbox that stands for it.
    """
    sandbox = urlsplit(settings.amazon_seller_central_url)
    theirs = SELLER_CENTRALS | {f"{sandbox.scheme}://{sandbox.netloc}"}
    parts = _split(visit.callback_uri)
    if f"{parts.scheme}://{parts.netloc}" not in theirs:
        raise NotSellerCentral("this is no address of Seller Central; connect from the dashboard")
    query = {
        "amazon_state": visit.amazon_state,
        "state": state,
        # The code is exchanged for this address, which need not be the first of the application's.
        "redirect_uri": settings.amazon_redirect_uri,
        **({"version": "beta"} if visit.beta else {}),
    }
    kept = [pair for pair in parse_qsl(parts.query) if pair[0] not in query]
    return urlunsplit(
        (parts.scheme, parts.netloc, parts.path, urlencode([*kept, *query.items()]), "")
    )


def _split(address: str) -> SplitResult:
    """In its parts; nowhere, where browsers and we might read them differently."""
    try:
        return urlsplit("" if "\\" in address else address)
    except ValueError:
        return urlsplit("")
