"""Every table of the schema: what of a user is in it, and what becomes of that when he is erased.

All of it goes. The reimbursements that our fees were computed from are kept by main-api and in
stripe-payments' books; nothing here is a book.
"""

from opside_chassis.user_data import Blurred, Goes, UserTable, outbox_of

PROTECTED = "erase_protected"
"""Rows that the application may not delete; migration 0010."""
_CIPHERTEXT = "a key to your account at the provider, kept sealed; it says nothing about you"

USER_TABLES = (
    # First: who works on one of these jobs is fenced off from here on.
    outbox_of(Goes()),
    UserTable("stripe_transactions", "Movements in your own Stripe account", Goes(PROTECTED)),
    UserTable("case_recoveries", "Reimbursements that Amazon paid or took back", Goes(PROTECTED)),
    UserTable("refund_engine_cases", "Cases, and how far each is", Goes(PROTECTED)),
    UserTable("amazon_claims", "Losses that Amazon may owe you for", Goes(PROTECTED)),
    UserTable("invoice_changes", "What was changed in suppliers' invoices", Goes(PROTECTED)),
    UserTable("paper_sources", "The e-mails that papers were found in", Goes(PROTECTED)),
    UserTable("supplier_invoices", "Suppliers' invoices as they were read", Goes()),
    UserTable("papers", "Papers found in your mailbox", Goes()),
    UserTable("found_mails", "E-mails that may carry a paper", Goes()),
    UserTable("mailboxes", "How far your mailbox was looked through", Goes()),
    UserTable("cost_entries", "What your units cost you", Goes()),
    UserTable("detected_losses", "Losses that are no claim, and why", Goes()),
    UserTable("sync_reports", "Reports that syncs asked Amazon for", Goes()),
    UserTable("sync_jobs", "Syncs with your selling account", Goes()),
    UserTable("rejected_report_rows", "Lines of reports that were not understood", Goes()),
    UserTable("report_documents", "Reports that were read", Goes()),
    UserTable("report_uploads", "Reports that you uploaded", Goes()),
    UserTable("stripe_pulls", "How far your own Stripe account was read", Goes()),
    UserTable("stripe_accounts", "The payout account that was opened for you", Goes()),
    UserTable("given_up_onboardings", "Why none could be opened yet", Goes()),
    UserTable(
        "oauth_tokens",
        "Access to your accounts",
        Goes(),
        hidden={"access_token": _CIPHERTEXT, "refresh_token": _CIPHERTEXT},
    ),
    UserTable(
        "consent_attempts",
        "Visits to a provider's consent page",
        Goes(),
        not_exported="secrets of a page that was opened minutes ago",
    ),
    UserTable("connections", "Your accounts at Amazon, Google and Stripe", Goes()),
    UserTable(
        "human_cases",
        "Questions to our staff",
        Blurred(
            {"reference": ":user_id", "reason": "'erased'"},
            because="that a person had to look is kept, not at what",
        ),
        rows="strpos(reference, :user_id) > 0 OR strpos(reason, :user_id) > 0",
        not_exported="may name another seller who claims the same account",
    ),
)

NOBODYS = {
    "case_transitions": "the legal moves of a case, the same for everybody",
    "inbox": "no provider sends this service events",
}
"""Tables without anybody's data."""
