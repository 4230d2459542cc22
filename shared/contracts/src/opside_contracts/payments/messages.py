"""Bodies of stripe-payments' service routes. All amounts are integer minor units."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from opside_chassis.wire import AnswerModel, ApiModel, Currency, MinorUnits, PlainText, Reference


class Collection(StrEnum):
    """How the fee is collected (ruling R3)."""

    FEE_ONLY = "fee_only"
    """Amazon has paid the seller; we charge our fee. Nothing is transferred."""
    GROSS = "gross"
    """We collect the whole recovered amount from the payer, keep the fee, transfer the rest."""


class CommissionStatus(StrEnum):
    """The public statuses of a commission; stripe-payments maps its own finer states to these."""

    PENDING = "pending"
    PROCESSING = "processing"
    CHARGED = "charged"
    TRANSFERRED = "transferred"
    WAIVED = "waived"
    FAILED = "failed"
    REFUNDED = "refunded"
    REVERSAL_NEEDED = "reversal_needed"
    CANCELLED = "cancelled"


class NextStep(StrEnum):
    """What the seller has to do before a commission can go on."""

    NONE = "none"
    ADD_PAYMENT_METHOD = "add_payment_method"
    AUTHENTICATE_PAYMENT = "authenticate_payment"
    REPLACE_PAYMENT_METHOD = "replace_payment_method"
    FINISH_ONBOARDING = "finish_onboarding"


class ChargeCommission(ApiModel):
    """Ask for our fee on one confirmed recovery."""

    user_id: Reference
    claim_id: Reference
    recovery_id: Reference | None = None
    """Amazon's reimbursement id. Without it the claim itself is the recovery (ruling R23)."""
    amount_recovered_cents: Annotated[MinorUnits, Field(gt=0)]
    currency: Currency
    idempotency_key: str | None = Field(default=None, max_length=255)
    collection: Collection | None = None
    """Default: the service's COLLECTION_MODE."""
    payment_method_id: PlainText | None = Field(default=None, max_length=255)
    customer_id: PlainText | None = Field(default=None, max_length=255)


class CommissionAccepted(AnswerModel):
    """The stored 202 answer of a charge request."""

    transaction_id: str
    status: CommissionStatus
    collection: Collection
    amount_recovered_cents: int
    platform_fee_cents: int
    seller_payout_cents: int
    """The seller's share; informational in fee_only."""
    rate_bp: int
    currency: str


class CommissionView(AnswerModel):
    """One commission as its owner, an admin or the refund engine sees it."""

    transaction_id: str
    user_id: str
    claim_id: str
    recovery_id: str
    status: CommissionStatus
    state: str
    """The state of facts/money-safety.md section 5, for support and audit."""
    collection: Collection
    next_step: NextStep = NextStep.NONE
    amount_recovered_cents: int
    platform_fee_cents: int
    seller_payout_cents: int
    collected_cents: int = 0
    transferred_cents: int = 0
    refunded_cents: int = 0
    rate_bp: int
    currency: str
    payment_intent_id: str | None = None
    charge_id: str | None = None
    transfer_id: str | None = None
    failure_reason: str | None = None
    created_at: str
    updated_at: str


class ClawBackCommission(ApiModel):
    """Amazon took money back: give the fee back in proportion."""

    transaction_id: Reference
    reversal_id: Reference | None = None
    """Amazon's reversing reimbursement id; one effect per id. Default: the idempotency key."""
    reason: PlainText = Field(min_length=1, max_length=500)
    refund_amount_cents: Annotated[MinorUnits, Field(gt=0)]
    """What Amazon took back of the recovered amount, in minor units."""
    idempotency_key: str | None = Field(default=None, max_length=255)


class ClawBackAccepted(AnswerModel):
    """The stored 202 answer of a clawback request."""

    clawback_id: str
    transaction_id: str
    reversal_id: str
    status: str
    refund_amount_cents: int
    """What Amazon took back; what the payer gets back of it follows from the commission."""
    currency: str


class ConnectAccount(ApiModel):
    """Create or link the seller's Connect account."""

    user_id: Reference
    email: PlainText | None = Field(default=None, max_length=320)
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"
    return_url: str | None = Field(default=None, max_length=2048)
    refresh_url: str | None = Field(default=None, max_length=2048)


class ConnectedAccount(AnswerModel):
    """A seller's Connect account and what it can do."""

    user_id: str
    stripe_account_id: str
    created: bool = False
    charges_enabled: bool
    payouts_enabled: bool
    details_submitted: bool
    transfers_active: bool
    requirements_due: tuple[str, ...] = ()
    onboarding_url: str | None = None
