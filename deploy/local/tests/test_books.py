from opside_local.books import compare

OURS = {
    "journals": 4,
    "unbalancedJournals": 0,
    "accounts": [],
    "totals": {
        "usd": {
            "chargesGrossMinor": 5000,
            "processorFeesMinor": 175,
            "refundsMinor": 0,
            "transfersMinor": 3000,
            "reversalsMinor": 0,
            "platformBalanceMinor": 1825,
        }
    },
}
THEIRS = {
    "journals": 4,
    "unbalanced": 0,
    "currencies": {
        "usd": {
            "charges_gross": 5000,
            "fees": 175,
            "refunds": 0,
            "transfers": 3000,
            "reversals": 0,
            "platform_balance": 1825,
        }
    },
}


def test_equal_books_have_no_difference():
    assert compare(OURS, THEIRS).differences == []


def test_two_empty_books_are_equal():
    nothing = {"journals": 0, "unbalancedJournals": 0, "totals": {}}
    assert compare(nothing, {"unbalanced": 0, "currencies": {}}).differences == []


def test_one_cent_is_a_difference():
    usd = {**THEIRS["currencies"]["usd"], "fees": 176}
    found = compare(OURS, {**THEIRS, "currencies": {"usd": usd}})
    assert found.differences == ["USD processor fees: ours 175, the sandbox's 176"]


def test_a_currency_that_only_stripe_has_is_a_difference():
    both = {**THEIRS["currencies"], "gbp": {"charges_gross": 1}}
    found = compare(OURS, {**THEIRS, "currencies": both})
    assert found.differences == ["GBP charges: ours 0, the sandbox's 1"]


def test_a_currency_that_only_we_have_is_a_difference():
    found = compare(OURS, {"unbalanced": 0, "currencies": {}})
    assert "USD charges: ours 5000, the sandbox's 0" in found.differences


def test_an_unbalanced_journal_breaks_the_proof_on_either_side():
    found = compare({**OURS, "unbalancedJournals": 2}, {**THEIRS, "unbalanced": 1})
    assert found.differences == [
        "2 of our journals do not sum to zero",
        "1 of the sandbox's journals do not sum to zero",
    ]
