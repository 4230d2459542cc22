"""Every table of the schema: what of a user is in it, and what becomes of that when he is erased.

The books stay seven years, and with them whatever proves them (facts/money-safety.md, rule 19). They name
a seller by ids alone; what names him otherwise is taken out.
"""

from opside_chassis.user_data import Blurred, Stays, UserTable, outbox_of

ERASE = "erase_user"
"""The function of migration 0010: no duty may change these columns."""

_BOOK = "financial records are kept for seven years; they hold ids and amounts, no name"
_COMMISSIONS = "SELECT id FROM commissions WHERE user_id = :user_id"
_INVOICES = "SELECT id FROM stripe_invoices WHERE user_id = :user_id"
_JOURNALS = f"commission_id IN ({_COMMISSIONS}) OR invoice_id IN ({_INVOICES})"
_NAMES = (
    ":user_id",
    "(SELECT customer_id FROM stripe_customers WHERE user_id = :user_id)",
    "(SELECT account_id FROM stripe_accounts WHERE user_id = :user_id)",
)
"""By which of these an event speaks of him."""

USER_TABLES = (
    UserTable("commissions", "Our fees on your recoveries", Stays(_BOOK)),
    UserTable("clawbacks", "Fees that were given back to you", Stays(_BOOK)),
    UserTable("seller_rates", "Rates that were agreed with you", Stays(_BOOK)),
    UserTable("journals", "Bookings about you", Stays(_BOOK), rows=_JOURNALS),
    UserTable(
        "postings",
        "The lines of these bookings",
        Stays(_BOOK),
        rows=f"journal_id IN (SELECT id FROM journals WHERE {_JOURNALS})",  # noqa: S608
    ),
    UserTable(
        "transaction_audit",
        "Every change of these, with its time and author",
        Stays("each entry carries the checksum of the one before: without one, none would verify"),
    ),
    UserTable("stripe_subscriptions", "Your subscriptions", Stays(_BOOK)),
    UserTable(
        "stripe_invoices",
        "Your invoices",
        Blurred({"hosted_url": "NULL"}, because=_BOOK, by=ERASE),
    ),
    UserTable(
        "stripe_customers",
        "You as a customer at Stripe, and the card that fees are charged to",
        Blurred({"payment_method_id": "NULL"}, because=_BOOK, by=ERASE),
    ),
    UserTable(
        "stripe_accounts",
        "Your payout account at Stripe",
        Stays("transfers are booked against its id; the account itself is between you and Stripe"),
    ),
    UserTable(
        "inbox",
        "What Stripe told us about you",
        Blurred(
            {"payload": "stub_of(payload)"},
            because="that an event was received is kept for a year, not what it says of a person",
            by=ERASE,
        ),
        rows=" OR ".join(f"strpos(payload::text, '\"' || {name} || '\"') > 0" for name in _NAMES),
    ),
    outbox_of(Stays("ids and amounts that the books have too; jobs that are done go after a week")),
)

NOBODYS = {
    "breaks": "objects of Stripe that our books do not know, by id",
    "cases": "questions to our staff about a row of the books, by id",
    "clawback_transitions": "the legal moves, the same for everybody",
    "commission_transitions": "the legal moves, the same for everybody",
    "event_cursors": "how far each account's events were read",
    "idempotency_keys": "answers to our own services, by id; they go after 30 days",
    "used_token_ids": "tokens of our own services",
}
"""Tables without anybody's data."""
