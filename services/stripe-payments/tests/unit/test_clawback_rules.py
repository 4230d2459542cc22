"""Any cutting of a recovery into parts gives back exactly the whole."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from opside_contracts.payments.messages import Collection
from stripe_payments.clawbacks.rules import due
from stripe_payments.commissions.rules import split


@given(
    st.lists(st.integers(1, 10**7), min_size=1, max_size=12),
    st.integers(0, 10_000),
    st.sampled_from(list(Collection)),
)
def test_parts_never_drift(parts: list[int], rate_bp: int, collection: Collection) -> None:
    amount = sum(parts)
    fee, share = split(amount, rate_bp)
    dues = [
        due(collection=collection, credited=before, more=part, rate_bp=rate_bp)
        for before, part in zip(itertools.accumulate([0, *parts]), parts, strict=False)
    ]
    assert sum(one.fee_back for one in dues) == fee
    assert sum(one.share_back for one in dues) == (share if collection is Collection.GROSS else 0)
    assert all(0 <= one.fee_back <= one.refund for one in dues)
