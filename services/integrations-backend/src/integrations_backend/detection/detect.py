"""All rules over one seller's rows."""

from integrations_backend.detection import (
    customer_returns,
    fees,
    inbound,
    removals,
    reversals,
    underpaid,
    warehouse,
)
from integrations_backend.detection.answered import settle_answered
from integrations_backend.detection.facts import Facts
from integrations_backend.detection.findings import Findings

RULES = (
    warehouse.find,
    customer_returns.find,
    removals.find,
    inbound.find,
    fees.find,
    underpaid.find,
    reversals.find,
)
"""One rule a family of losses; a new claim type is one file and one name here."""


def detect(facts: Facts) -> Findings:
    """Every claim and every other loss. A loss has one owner: keys never repeat."""
    findings = Findings()
    for find in RULES:
        findings.extend(find(facts))
    findings = settle_answered(findings, facts.answers)
    keys = [claim.key for claim in findings.claims]
    if len(keys) != len(set(keys)):
        repeated = sorted({key for key in keys if keys.count(key) > 1})
        raise RuntimeError(f"units would be owed twice: {repeated[:3]}")
    return findings
