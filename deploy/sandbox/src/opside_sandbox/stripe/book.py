"""The sandbox's own double-entry book: one journal per movement of money, each sums to zero.

Accounts: `customers` (card holders' money outside), `banks` (what payouts have brought to bank
accounts), `platform` (the platform's Stripe balance), `connected:<account>` (a connected
account's balance), and the processor's income: `fees` (of charges), `payout_fees` (of instant
payouts), `dispute_fees`.
Nothing reads the book to decide anything: it is the independent record that checks compare with.
"""

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World, is_own_account

JOURNALS = "stripe.journal"
CUSTOMERS = "customers"
PLATFORM = "platform"
FEES = "fees"
BANKS = "banks"
PAYOUT_FEES = "payout_fees"
DISPUTE_FEES = "dispute_fees"


def connected(account_id: str) -> str:
    """The book's name for a connected account's balance."""
    return f"connected:{account_id}"


def balance_of(world: World) -> str:
    """The book's name for the balance of the account in whose world something happens."""
    return PLATFORM if world.account is None else connected(world.account)


def post(world: World, kind: str, *, reference: str, currency: str, moves: dict[str, int]) -> None:
    """Write one journal. `moves` maps account -> signed minor units.

    What moves in a person's own account is no money of the platform's, and stands in no book of it.

    Raises ValueError when the lines do not sum to zero or the effect was already recorded.
    """
    if world.account is not None and is_own_account(world, world.account):
        return
    lines = {name: amount for name, amount in moves.items() if amount}
    if sum(lines.values()) != 0 or len(lines) < 2:
        raise ValueError(f"journal {kind} of {reference} does not balance: {lines}")
    journal_id = f"{kind}:{reference}"
    if world.state.store.get(JOURNALS, journal_id):
        raise ValueError(f"journal {journal_id} exists already")
    world.state.store.put(
        JOURNALS,
        journal_id,
        {
            "id": journal_id,
            "kind": kind,
            "reference": reference,
            "currency": currency,
            "created": world.now(),
            "lines": lines,
        },
    )


def journals(state: SandboxState) -> list[Document]:
    """Every journal, oldest first."""
    return state.store.list(JOURNALS)


def export(state: SandboxState) -> Document:
    """Totals per currency in minor units, and the proof that they hang together."""
    currencies: dict[str, Document] = {}
    lines = unbalanced = count = 0
    for journal in journals(state):
        count += 1
        lines += len(journal["lines"])
        unbalanced += sum(journal["lines"].values()) != 0
        _add(currencies.setdefault(journal["currency"], _empty()), journal)
    return {
        "currencies": currencies,
        "journals": count,
        "lines": lines,
        "unbalanced": unbalanced,
    }


def _empty() -> Document:
    return {
        "charges_gross": 0,
        "fees": 0,
        "refunds": 0,
        "transfers": 0,
        "reversals": 0,
        "payouts": 0,
        "payout_fees": 0,
        "disputes": 0,
        "dispute_fees": 0,
        "platform_balance": 0,
        "connected_balances": {},
        "sum": 0,
    }


_TOTALS = {
    # kind of journal: (total it belongs to, account whose line is counted, sign)
    "charge": ("charges_gross", CUSTOMERS, -1),
    "refund": ("refunds", CUSTOMERS, 1),
    "refund_failure": ("refunds", CUSTOMERS, 1),
    "transfer": ("transfers", PLATFORM, -1),
    "reversal": ("reversals", PLATFORM, 1),
    "payout": ("payouts", BANKS, 1),
    "payout_failure": ("payouts", BANKS, 1),
    "payout_cancel": ("payouts", BANKS, 1),
    "dispute": ("disputes", CUSTOMERS, 1),
    "dispute_reinstated": ("disputes", CUSTOMERS, 1),
}
_OWN_TOTALS = {FEES, PAYOUT_FEES, DISPUTE_FEES}


def _add(total: Document, journal: Document) -> None:
    name, account, sign = _TOTALS[journal["kind"]]
    total[name] += sign * journal["lines"].get(account, 0)
    for line, amount in journal["lines"].items():
        total["sum"] += amount
        if line in _OWN_TOTALS:
            total[line] += amount
        elif line == PLATFORM:
            total["platform_balance"] += amount
        elif line.startswith("connected:"):
            known = total["connected_balances"]
            owner = line.removeprefix("connected:")
            known[owner] = known.get(owner, 0) + amount
