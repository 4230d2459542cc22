"""The comparison itself: equal is equal, and each kind of difference is named."""

import copy

import pytest

from opside_local.ground_truth import differences

TRUTH = {
    "file": "one.txt",
    "rows_with_totals_row": 5,
    "currency": "CAD",
    "total_amount": "-36.76",
    "net_by_transaction_type": {
        "(totals row)": {"rows": 1, "net": "0"},
        "Refund": {"rows": 3, "net": "-52.01"},
        "WAREHOUSE_DAMAGE": {"rows": 1, "net": "15.25"},
    },
    "refunds": [
        {
            "order_id": "702-1",
            "adjustment_id": "amzn1:crow:a",
            "posted": "2025-08-14T20:59:25+00:00",
            "sku": "SKU-A04",
            "rows": 3,
            "principal": "-60.00",
            "net": "-52.01",
        }
    ],
    "reimbursements": [
        {
            "type": "WAREHOUSE_DAMAGE",
            "posted": "2025-08-27T04:12:16+00:00",
            "order_id": "",
            "adjustment_id": "",
            "sku": "SKU-A13",
            "quantity": "1",
            "amount": "15.25",
        }
    ],
}
LINE = {"orderId": "", "adjustmentId": "", "principal": "0.00", "quantity": None}
FOUND = {
    "name": "one.txt",
    "reportType": "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE",
    "rows": 5,
    "rejected": 0,
    "settlement": {
        "currency": "cad",
        "totalAmount": "-36.76",
        "addsUp": True,
        "netByType": [
            {"transactionType": "(totals row)", "rows": 1, "net": "0.00"},
            {"transactionType": "Refund", "rows": 3, "net": "-52.01"},
            {"transactionType": "WAREHOUSE_DAMAGE", "rows": 1, "net": "15.25"},
        ],
        "refunds": [
            {
                **LINE,
                "transactionType": "Refund",
                "posted": "2025-08-14T20:59:25Z",
                "orderId": "702-1",
                "adjustmentId": "amzn1:crow:a",
                "sku": "SKU-A04",
                "rows": 3,
                "principal": "-60.00",
                "net": "-52.01",
            }
        ],
        "reimbursements": [
            {
                **LINE,
                "transactionType": "WAREHOUSE_DAMAGE",
                "posted": "2025-08-27T04:12:16Z",
                "sku": "SKU-A13",
                "rows": 1,
                "quantity": 1,
                "net": "15.25",
            }
        ],
    },
}


def test_what_is_equal_has_no_difference():
    assert differences([FOUND], [TRUTH]) == []


def test_a_file_that_was_not_read_is_named():
    assert differences([], [TRUTH]) == ["one.txt: was not read"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("rows",), 4, "rows is 4, should be 5"),
        (("rejected",), 1, "rows kept aside is 1, should be 0"),
        (("settlement", "currency"), "usd", "currency is USD, should be CAD"),
        (("settlement", "totalAmount"), "-36.77", "total is -36.77, should be -36.76"),
        (("settlement", "addsUp"), False, "sum of the rows is False, should be True"),
        (("settlement", "netByType", 1, "net"), "-52.02", "(rows, net) of Refund"),
        (("settlement", "netByType", 1, "rows"), 2, "(rows, net) of Refund"),
        (("settlement", "refunds", 0, "principal"), "-60.01", "refund"),
        (("settlement", "refunds", 0, "sku"), "SKU-A05", "refund"),
        (("settlement", "refunds", 0, "posted"), "2025-08-14T20:59:26Z", "refund"),
        (("settlement", "reimbursements", 0, "net"), "15.26", "reimbursement"),
        (("settlement", "reimbursements", 0, "quantity"), 2, "reimbursement"),
        (("settlement", "reimbursements"), [], "reimbursement"),
    ],
)
def test_any_difference_is_said(path: tuple[str | int, ...], value: object, said: str):
    found = copy.deepcopy(FOUND)
    place = found
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    wrong = differences([found], [TRUTH])
    assert wrong
    assert any(said in line for line in wrong)


def test_a_line_too_many_is_a_difference():
    found = copy.deepcopy(FOUND)
    found["settlement"]["refunds"] *= 2
    assert [line for line in differences([found], [TRUTH]) if "is not in the file" in line]
