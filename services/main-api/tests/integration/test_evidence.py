"""Documents: kept once, shown to their owner alone, read, corrected by people, matched to cases."""

import hashlib

import pytest
from fakes.integrations_fake import seller_case
from seller import Seller, pdf
from sqlalchemy.exc import DBAPIError

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa75\x81\x84\x00\x00\x00\x00IEND\xaeB`\x82"
)


async def test_a_document_is_kept_as_it_is_and_given_back_to_be_saved(seller: Seller) -> None:
    content = pdf("Invoice 4711")
    answer = await seller.upload(content, "Invoice März.pdf", kind="invoice")
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert view["sha256"] == hashlib.sha256(content).hexdigest()
    assert (view["mediaType"], view["kind"], view["sizeBytes"], view["repeated"]) == (
        "application/pdf",
        "invoice",
        len(content),
        False,
    )
    file = await seller.http.get(f"/api/evidence/{view['evidenceId']}/file")
    assert file.content == content
    assert file.headers["content-type"] == "application/pdf"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''Invoice%20M%C3%A4rz.pdf"
    )
    assert "sandbox" in file.headers["content-security-policy"]


async def test_a_part_of_a_file_may_be_asked_for(seller: Seller) -> None:
    content = pdf("Invoice 4711")
    evidence_id = await seller.uploaded(content)
    part = await seller.http.get(
        f"/api/evidence/{evidence_id}/file", headers={"Range": "bytes=0-4"}
    )
    assert (part.status_code, part.content) == (206, b"%PDF-")


async def test_the_same_content_is_kept_once(seller: Seller, rival: Seller) -> None:
    first = await seller.uploaded(pdf("one"))
    again = (await seller.upload(pdf("one"), "other name.pdf")).json()
    assert (again["evidenceId"], again["repeated"]) == (first, True)
    other = await rival.uploaded(pdf("one"))
    assert other != first
    assert len((await seller.got("/api/evidence"))["items"]) == 1


async def test_the_list_is_paged_newest_first(seller: Seller) -> None:
    ids = [await seller.uploaded(pdf(f"number {number}")) for number in range(5)]
    first = await seller.got("/api/evidence", limit=3)
    rest = await seller.got("/api/evidence", limit=3, cursor=first["nextCursor"])
    seen = [one["evidenceId"] for one in first["items"] + rest["items"]]
    assert seen == ids[::-1]
    assert rest["nextCursor"] is None


async def test_a_deleted_document_leaves_no_file(seller: Seller) -> None:
    evidence_id = await seller.uploaded(pdf("gone"))
    assert (await seller.http.delete(f"/api/evidence/{evidence_id}")).status_code == 204
    assert (await seller.http.get(f"/api/evidence/{evidence_id}")).status_code == 404
    await seller.work()
    kept = [path for path in seller.door.evidence.root.rglob("*") if path.is_file()]
    assert kept == []


async def test_a_file_handed_over_again_survives_the_deletion_before(seller: Seller) -> None:
    evidence_id = await seller.uploaded(pdf("twice"))
    await seller.http.delete(f"/api/evidence/{evidence_id}")
    again = await seller.uploaded(pdf("twice"))
    await seller.work()
    file = await seller.http.get(f"/api/evidence/{again}/file")
    assert file.content == pdf("twice")


async def test_people_correct_what_a_document_says_and_the_history_stays(seller: Seller) -> None:
    evidence_id = await seller.uploaded(PNG, name="scan.png")
    assert (await seller.got(f"/api/evidence/{evidence_id}"))["reading"] == "needs_typing"
    first = (0, "invoice_date", "2026-10-01")
    assert (await seller.typed(evidence_id, first, (1, "quantity", "10"))).status_code == 200
    answer = await seller.typed(
        evidence_id, (0, "invoice_date", "2026-10-02"), (1, "quantity", None)
    )
    fields = {one["name"]: one["value"] for one in answer.json()["fields"]}
    assert fields == {"invoice_date": "2026-10-02", "quantity": None}
    history = await seller.got(f"/api/evidence/{evidence_id}/history")
    told = [(one["name"], one["oldValue"], one["newValue"], one["changedBy"]) for one in history]
    assert told == [
        ("invoice_date", None, "2026-10-01", "usr_a"),
        ("quantity", None, "10", "usr_a"),
        ("invoice_date", "2026-10-01", "2026-10-02", "usr_a"),
        ("quantity", "10", None, "usr_a"),
    ]


@pytest.mark.parametrize(
    "field",
    [
        (0, "quantity", "1"),
        (1, "invoice_date", "2026-10-01"),
        (0, "invoice_date", "01.10.2026"),
        (0, "invoice_date", "2026-13-01"),
        (1, "quantity", "0"),
        (1, "quantity", "-1"),
        (1, "quantity", "1.5"),
        (1, "quantity", "99999999999"),
        (1, "unit_cost_minor", "12.50"),
        (0, "currency", "USD"),
        (0, "nonsense", "1"),
        (0, "order_id", "1 2"),
    ],
)
async def test_a_field_of_another_form_is_refused_whole(
    seller: Seller, field: tuple[int, str, str]
) -> None:
    evidence_id = await seller.uploaded()
    answer = await seller.typed(evidence_id, (0, "supplier", "Acme"), field)
    assert answer.status_code == 422
    assert (await seller.got(f"/api/evidence/{evidence_id}"))["fields"] == []


async def test_the_database_keeps_the_history_by_itself(seller: Seller) -> None:
    evidence_id = await seller.uploaded()
    await seller.typed(evidence_id, (0, "supplier", "Acme"))
    for statement in (
        "UPDATE evidence_field_changes SET new_value = 'x'",
        "DELETE FROM evidence_field_changes",
        "INSERT INTO evidence_field_changes (user_id, document_id, line_no, name, changed_by)"
        " VALUES ('usr_a', 'x', 0, 'supplier', 'usr_b')",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            await seller.execute(statement)


ROUTES_OF_A_DOCUMENT = [
    ("GET", "", None),
    ("GET", "/file", None),
    ("GET", "/history", None),
    ("PATCH", "/fields", {"fields": []}),
    ("POST", "/read", {}),
    ("POST", "/matches", {"caseId": "cas_1"}),
    ("DELETE", "", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES_OF_A_DOCUMENT)
async def test_anothers_document_does_not_exist(
    seller: Seller, rival: Seller, method: str, path: str, body: object
) -> None:
    rival.integrations.cases["usr_b"] = [seller_case()]
    evidence_id = await seller.uploaded(pdf("mine"))
    theirs = await rival.http.request(method, f"/api/evidence/{evidence_id}{path}", json=body)
    unknown = await rival.http.request(method, f"/api/evidence/evd_unknown{path}", json=body)
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert theirs.json()["detail"] == unknown.json()["detail"]
    assert (await seller.got(f"/api/evidence/{evidence_id}"))["evidenceId"] == evidence_id
    assert (await rival.got("/api/evidence"))["items"] == []
