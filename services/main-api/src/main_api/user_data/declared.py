"""Every table of the schema: what of a user is in it, and what becomes of that when he is erased.

What a fee was computed from stays with the books in stripe-payments, seven years; it names nobody. The
row of the user stays too, emptied: its id is what the books call him.
"""

from opside_chassis.user_data import Blurred, Goes, Stays, UserTable, outbox_of

PROTECTED = "erase_protected"
"""Rows and words that the application may not take away; migration 0007."""
_BOOK = "what a fee was computed from is kept for seven years; it holds ids and amounts, no name"
_UNSHOWN = "a secret between your browser and us; we keep only what is needed to recognise it"

PERSON = (
    UserTable("sessions", "Your sessions", Goes(), hidden={"csrf_token": _UNSHOWN}),
    UserTable("refresh_tokens", "Keys of your sessions", Goes(), not_exported=_UNSHOWN),
    UserTable(
        "users",
        "You",
        Blurred(
            {
                "amazon_user_id": "'erased:' || id",
                "email": "''",
                "name": "''",
                "role": "'user'",
                "collection_mode": "NULL",
                "updated_at": "now()",
            },
            because="the id is what the books call you; the next sign-in is another user",
        ),
        rows="id = :user_id",
    ),
)
"""Goes first, in one transaction: from then on nobody is signed in, and nobody can sign in as him."""

USER_TABLES = (
    # First: who works on one of these jobs is fenced off from here on.
    outbox_of(Goes()),
    *PERSON,
    UserTable("integration_status", "Your accounts at Amazon, Google and Stripe", Goes()),
    UserTable(
        "recoveries",
        "What Amazon paid for your cases, and our fee on it",
        Blurred({"amazon_case_id": "NULL"}, because=_BOOK),
    ),
    UserTable("reversals", "What Amazon took back of it", Stays(_BOOK)),
    UserTable(
        "objections",
        "Your objections to fees",
        Blurred({"reason": "'[erased]'", "note": "'[erased]'"}, because=_BOOK, by=PROTECTED),
    ),
    UserTable("filings", "Claims that you filed, or prepared", Goes(PROTECTED)),
    UserTable("filing_audit", "Every change of these", Goes(PROTECTED)),
    UserTable("filing_evidence", "The documents of these", Goes(PROTECTED)),
    UserTable("evidence_field_changes", "What you corrected in documents", Goes(PROTECTED)),
    UserTable("evidence_matches", "Which document proves which case", Goes()),
    UserTable("evidence_lines", "Units that your documents prove", Goes()),
    UserTable("evidence_fields", "What your documents say", Goes()),
    UserTable("evidence_documents", "Documents that you handed over", Goes()),
    UserTable("case_facts", "Your open cases, as last read", Goes()),
    UserTable("case_readings", "When they were last read", Goes()),
    UserTable("notifications", "What you were told", Goes()),
    UserTable("notification_preferences", "What you want by e-mail", Goes()),
    UserTable(
        "calendar_feeds", "Your calendar's secret address", Goes(), hidden={"secret_hash": _UNSHOWN}
    ),
    UserTable(
        "inbox",
        "What the other services told about you",
        Blurred(
            {"payload": "'{}'"},
            because="an event is never applied twice; what it said is taken out",
        ),
        rows="payload->>'userId' = :user_id AND status <> 'received'",
        not_exported="repeats what is in the other tables, of all services",
    ),
    UserTable("account_exports", "Copies of your data that you ordered", Goes()),
    UserTable(
        "account_erasures",
        "Orders to erase your account",
        Stays("the proof that the order was carried out, and when"),
    ),
)

NOBODYS = {
    "cases": "questions to our staff about a job, by its id",
    "filing_transitions": "the legal moves of a filing, the same for everybody",
    "sign_in_attempts": "visits to Amazon's consent page, before it is known who comes back",
}
"""Tables without anybody's data."""
