"""What an application may ask for, and how Google writes it back."""

GMAIL = "https://www.googleapis.com/auth/gmail.readonly"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"
PROFILE = "https://www.googleapis.com/auth/userinfo.profile"
OPENID = "openid"

SIGN_IN = frozenset({OPENID, EMAIL, PROFILE})
"""Granted by signing in; a person cannot untick them."""
KNOWN = SIGN_IN | {GMAIL}
_LONG = {"email": EMAIL, "profile": PROFILE}
_LABELS = {GMAIL: "View your email messages and settings"}


def read(text: str) -> frozenset[str] | None:
    """The scopes of a request in their long form; None when one is unknown or none is given.

    Asking for the address or the profile brings `openid` with it, as at Google.
    """
    scopes = frozenset(_LONG.get(one, one) for one in text.split())
    if not scopes or not scopes <= KNOWN:
        return None
    return scopes | {OPENID} if scopes & SIGN_IN else scopes


def written(scopes: frozenset[str]) -> str:
    """As the `scope` of an answer."""
    return " ".join(sorted(scopes))


def optional(scopes: frozenset[str]) -> dict[str, str]:
    """Scope -> label of each tick box: none where the page asks for one thing only."""
    asked = sorted(scopes - SIGN_IN)
    return {one: _LABELS[one] for one in asked} if len(scopes) > 1 else {}
