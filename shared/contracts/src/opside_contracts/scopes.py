"""Scopes of service tokens: one name a permission, asked by the caller, checked by the route."""

from collections.abc import Mapping

ACT_FOR_USER = "act"
"""The gateway speaks for a signed-in user (claims act_for and act_role)."""
CHARGE_COMMISSION = "commissions:charge"
CLAW_BACK_COMMISSION = "commissions:clawback"
CONNECT_ACCOUNT = "accounts:connect"
START_CONSENT = "consents:start"
PUBLISH_EVENT = "events:publish"
PARSE_DOCUMENT = "documents:parse"
READ_USER_DATA = "users:read-data"
"""For an export that the user, or an operator for him, ordered."""
ERASE_USER = "users:erase"

GRANTED: Mapping[str, Mapping[str, frozenset[str]]] = {
    "main-api": {
        "main-api": frozenset({ACT_FOR_USER}),
        "integrations-backend": frozenset({PUBLISH_EVENT}),
        "stripe-payments": frozenset({PUBLISH_EVENT}),
    },
    "integrations-backend": {
        "main-api": frozenset(
            {ACT_FOR_USER, START_CONSENT, PARSE_DOCUMENT, READ_USER_DATA, ERASE_USER}
        ),
    },
    "stripe-payments": {
        "main-api": frozenset(
            {ACT_FOR_USER, CHARGE_COMMISSION, CLAW_BACK_COMMISSION, READ_USER_DATA, ERASE_USER}
        ),
        "integrations-backend": frozenset({CONNECT_ACCOUNT}),
    },
}
"""By receiver: which service may use which scope there. A token's own word is not believed."""
