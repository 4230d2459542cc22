"""What a rule is given: the seller's rows by report, his store, the policy and the day of the audit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from integrations_backend.detection.findings import Claim, Findings, Loss
from integrations_backend.detection.policy import Policy
from integrations_backend.reports.marketplaces import Marketplace


@dataclass(frozen=True, slots=True)
class Missing:
    """Units of one economic loss, before the window is looked at."""

    key: str
    claim_type: str
    fnsku: str
    sku: str
    order_id: str
    reference_id: str
    quantity: int
    event_date: date
    value_minor: int | None
    confidence: float
    confident_because: str
    explanation: dict[str, object]


@dataclass(frozen=True, slots=True)
class UnitCost:
    """What a unit cost from a day on, minor units, as a document says (rulings R16)."""

    minor: int
    currency: str
    effective: date
    document: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows by report type; a type that was never read is absent, which no rule takes for "clean"."""

    rows: Mapping[str, pl.DataFrame]
    store: Marketplace
    policy: Policy
    as_of: date
    scans: Mapping[str, pl.LazyFrame] = field(default_factory=dict)
    """The same rows, not loaded; see `scan`."""
    costs: Mapping[str, tuple[UnitCost, ...]] = field(default_factory=dict)
    """By SKU, of the seller's cost documents; empty where none is known."""
    answers: Mapping[str, int] = field(default_factory=dict)
    """What Amazon paid on our own cases about money, minor units by claim key (`answered.py`)."""

    def cost_on(self, sku: str, day: date) -> UnitCost | None:
        """The cost of a unit that was in force on a day, in the store's currency."""
        known = [
            one
            for one in self.costs.get(sku, ())
            if one.effective <= day and one.currency == self.store.currency
        ]
        return max(known, key=lambda one: one.effective, default=None)

    def read(self, *report_types: str) -> bool:
        """True when every one of these reports was read."""
        return all(one in self.rows for one in report_types)

    def scan(self, report_type: str) -> pl.LazyFrame:
        """The rows of a type for a rule that needs few of millions: filter, select, then collect.

        `rows` loads all of a type when it is first asked for; a ledger may be larger than memory.
        """
        return (
            self.scans[report_type] if report_type in self.scans else self.rows[report_type].lazy()
        )

    def judge(self, missing: Missing) -> Findings:
        """A claim inside its window; a loss with the reason outside."""
        window = self.policy.window(missing.claim_type, self.store.country, missing.event_date)
        if window is None:
            return self.settled(missing, "no_policy")
        if self.as_of < window.opens(missing.event_date):
            return self.settled(missing, "still_waiting")
        if self.as_of > window.deadline(missing.event_date):
            return self.settled(missing, "window_expired")
        claim = Claim(
            key=missing.key,
            claim_type=missing.claim_type,
            fnsku=missing.fnsku,
            sku=missing.sku,
            order_id=missing.order_id,
            reference_id=missing.reference_id,
            quantity=missing.quantity,
            event_date=missing.event_date,
            opens=window.opens(missing.event_date),
            deadline=window.deadline(missing.event_date),
            value_minor=missing.value_minor,
            currency=self.store.currency,
            confidence=missing.confidence,
            rule_version=self.policy.version,
            explanation={
                **missing.explanation,
                "window": window.source,
                "valuation": window.value,
                "confidence_because": missing.confident_because,
                "evidence": list(window.evidence),
            },
        )
        return Findings(claims=[claim])

    def settled(self, missing: Missing, reason: str, *, quantity: int | None = None) -> Findings:
        """A loss that is not claimed, and why."""
        loss = Loss(
            key=missing.key,
            claim_type=missing.claim_type,
            fnsku=missing.fnsku,
            order_id=missing.order_id,
            reference_id=missing.reference_id,
            quantity=quantity or missing.quantity,
            event_date=missing.event_date,
            reason=reason,
            explanation=missing.explanation,
        )
        return Findings(losses=[loss])
