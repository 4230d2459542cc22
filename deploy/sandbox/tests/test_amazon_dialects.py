"""How each account's files are written, byte by byte; what the reader of the facts makes of them."""

import pytest
from amazon_reader import rows_of, text_of
from amazon_world import LEDGER, PAYMENTS, SellerApi, World, world

RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
STOCK = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"


@pytest.fixture(scope="module")
def amazon() -> World:
    return world()


def raw(seller: SellerApi, kind: str) -> tuple[bytes, str]:
    report_id = seller.create(kind).json()["reportId"]
    seller.world.state.clock.advance(1.1)
    return seller.document(seller.status(report_id)["reportDocumentId"])


def header(content: bytes, charset: str, older: str = "cp1252") -> list[str]:
    first = text_of(content, charset, older).split("\n")[0].rstrip("\r")
    return first.split("\t")


def test_germany_writes_a_mark_decimal_commas_and_dotted_dates(amazon):
    dieter = amazon.seller("dieter")
    content, charset = raw(dieter, PAYMENTS)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\xef\xbb\xbf") == 1
    rows = rows_of(content, charset)
    assert all("," in row["amounttotal"] for row in rows)
    assert all(row["approvaldate"][2] == row["approvaldate"][5] == "." for row in rows)
    # On one day the same moment is written in the ledger, the day alone too.
    event = rows_of(*raw(dieter, LEDGER))[0]
    assert event["dateandtime"].startswith(event["date"])
    assert any("ü" in row["productname"] for row in rows)
    thousands = [f[0]["totalamount"] for f in dieter.settlements()]
    assert any("." in one and one.rindex(".") < one.index(",") for one in thousands)


def test_japan_writes_cp932_without_saying_so_and_yen_without_decimals(amazon):
    yuki = amazon.seller("yuki")
    content, charset = raw(yuki, PAYMENTS)
    assert charset == ""
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    rows = rows_of(content, charset, "cp932")
    assert any("包丁" in row["productname"] for row in rows)
    assert any("①" in row["productname"] for row in rows_of(*raw(yuki, STOCK), "cp932"))
    assert all("." not in row["amounttotal"] for row in rows)
    assert {row["approvaldate"][-6:] for row in rows} == {"+09:00"}
    ledger = rows_of(*raw(yuki, LEDGER), "cp932")
    assert len(ledger[0]) == 14
    assert all(row["date"][4] == row["date"][7] == "/" for row in ledger)


def test_an_account_may_lack_columns_and_name_the_sku_otherwise(amazon):
    chloe = amazon.seller("chloe")
    names = header(*raw(chloe, PAYMENTS))
    assert "Merchant SKU" in names
    assert "Amazon Order Id" in names
    assert {"product-name", "condition"}.isdisjoint(names)
    ledger = header(*raw(chloe, LEDGER))
    assert "SKU" in ledger
    assert {"MSKU", "Title", "Store"}.isdisjoint(ledger)
    assert len(header(*raw(chloe, RETURNS))) == 10
    skus = {row["sku"] for row in chloe.report(STOCK)}
    assert {row["sku"] for row in chloe.report(PAYMENTS)} <= skus


@pytest.mark.parametrize("persona", ["ada", "cleo", "dieter", "yuki", "chloe"])
def test_both_layouts_of_a_settlement_hold_the_same_money(amazon, persona):
    seller = amazon.seller(persona)
    minor = seller.manner.minor
    firsts, seconds = seller.settlements(), seller.settlements("_V2")
    assert len(firsts) == len(seconds) >= 6
    for one, two in zip(firsts, seconds, strict=True):
        assert one[0]["settlementid"] == two[0]["settlementid"]
        total = minor(two[0]["totalamount"])
        assert total == minor(one[0]["totalamount"])
        assert sum(minor(row["amount"]) for row in two[1:]) == total
        assert two[0]["amount"] == ""
        moment = two[1]["posteddatetime"]
        assert moment.endswith(" UTC")
        assert (moment[2] == ".") == seller.manner.european
        assert seller.manner.moment(moment) == seller.manner.moment(one[1]["posteddate"])


def test_quotes_inside_a_cell_are_never_escaped(amazon):
    for persona in ("ada", "cleo", "dieter", "yuki"):
        seller = amazon.seller(persona)
        content, charset = raw(seller, STOCK)
        text = text_of(content, charset, seller.manner.older_charset)
        assert '8"' in text or '6"' in text
        assert '""' not in text.replace('""\t', "").replace('\t""', "")
