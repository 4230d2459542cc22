"""Messages and attachments as an application reads them."""

import base64
import email
import email.policy
from collections.abc import Iterator

import pytest
from gmail_world import EMAIL, Google, Mailbox, decoded, google

PDF = b"%PDF-1.4\n\xff\xfe\x00 not much of one"
ODD = (
    b"From: =?utf-8?q?Zo=C3=AB_M=C3=BCller?= <zoe@example.net>\r\nTo: olga@opside.example\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Folded: one\r\n two\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Caf\xe9 & <b>bar</b>\r\n"
)


@pytest.fixture(scope="module")
def world() -> Iterator[Google]:
    with google() as started:
        yield started


@pytest.fixture(scope="module")
def box(world: Google) -> Mailbox:
    return world.mailbox("olga")


def deliver(world: Google, **more) -> str:
    return world.act("deliver", persona="olga", **more)["id"]


def with_file(world: Google) -> str:
    content = base64.b64encode(PDF).decode()
    return deliver(
        world,
        sender="maria@factory.example",
        sender_name="Maria Lima",
        subject="Invoice 7",
        text="Please find it attached.",
        html="<p>Please find it <b>attached</b>.</p>",
        attachments=[{"filename": "Rechnung März 7.pdf", "content": content}],
    )


def test_a_list_has_ids_only_and_the_newest_first(world: Google, box: Mailbox):
    older, newer = deliver(world, subject="1"), deliver(world, subject="2")
    shown = box.get("messages", maxResults=2)
    assert [one["id"] for one in shown["messages"]] == [newer, older]
    assert all(set(one) == {"id", "threadId"} for one in shown["messages"])


def test_full_nests_parts_and_keeps_the_file_behind_an_id(world: Google, box: Mailbox):
    mail = box.get(f"messages/{with_file(world)}")
    assert set(mail["labelIds"]) == {"INBOX", "UNREAD"}
    assert mail["snippet"] == "Please find it attached."
    payload = mail["payload"]
    assert payload["mimeType"] == "multipart/mixed"
    assert payload["body"] == {"size": 0}
    letter, file = payload["parts"]
    assert [one["partId"] for one in letter["parts"]] == ["0.0", "0.1"]
    assert decoded(letter["parts"][0]["body"]["data"]).strip() == b"Please find it attached."
    assert (file["partId"], file["filename"]) == ("1", "Rechnung März 7.pdf")
    assert file["body"]["size"] == len(PDF)
    assert "data" not in file["body"]


def test_attachment_ids_change_and_all_of_them_work(world: Google, box: Mailbox):
    mail_id = with_file(world)
    ids = {
        box.get(f"messages/{mail_id}")["payload"]["parts"][1]["body"]["attachmentId"]
        for _ in range(2)
    }
    assert len(ids) == 2
    for one in ids:
        answer = box.get(f"messages/{mail_id}/attachments/{one}")
        assert decoded(answer["data"]) == PDF
        assert answer["size"] == len(PDF)
        assert "+" not in answer["data"]
        assert "/" not in answer["data"]


def test_an_attachment_id_is_good_for_its_message_only(world: Google, box: Mailbox):
    one, other = with_file(world), with_file(world)
    token = box.get(f"messages/{one}")["payload"]["parts"][1]["body"]["attachmentId"]
    assert box.call(f"messages/{other}/attachments/{token}").status_code == 400
    assert box.call(f"messages/{one}/attachments/{token[:-1]}x").status_code == 400


def test_metadata_shows_the_named_headers_and_no_body(world: Google, box: Mailbox):
    mail_id = with_file(world)
    asked = {"format": "metadata", "metadataHeaders": ["subject", "From"]}
    payload = box.get(f"messages/{mail_id}", **asked)["payload"]
    assert set(payload) == {"mimeType", "headers"}
    headers = {one["name"]: one["value"] for one in payload["headers"]}
    assert headers == {"Subject": "Invoice 7", "From": "Maria Lima <maria@factory.example>"}
    names = {
        one["name"]
        for one in box.get(f"messages/{mail_id}", format="metadata")["payload"]["headers"]
    }
    assert {"Date", "Message-ID", "To"} <= names


def test_minimal_has_no_payload_and_raw_is_the_letter_itself(world: Google, box: Mailbox):
    mail_id = with_file(world)
    assert not {"payload", "raw"} & set(box.get(f"messages/{mail_id}", format="minimal"))
    raw = box.get(f"messages/{mail_id}", format="raw")
    assert "payload" not in raw
    content = decoded(raw["raw"])
    assert raw["sizeEstimate"] == len(content)
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert next(parsed.iter_attachments()).get_payload(decode=True) == PDF


def test_padding_comes_and_goes(world: Google, box: Mailbox):
    texts = [
        box.get(f"messages/{deliver(world, text='x' * 3)}")["payload"]["body"]["data"]
        for _ in range(24)
    ]
    assert {text.endswith("=") for text in texts} == {True, False}
    assert {decoded(text).strip() for text in texts} == {b"xxx"}


def test_headers_are_decoded_and_bodies_are_utf8(world: Google, box: Mailbox):
    mail_id = deliver(world, raw=base64.b64encode(ODD).decode())
    mail = box.get(f"messages/{mail_id}")
    headers = {one["name"]: one["value"] for one in mail["payload"]["headers"]}
    assert headers["Subject"] == "Grüße"
    assert headers["From"] == "Zoë Müller <zoe@example.net>"
    assert headers["X-Folded"] == "one two"
    assert decoded(mail["payload"]["body"]["data"]).decode() == "Café & <b>bar</b>\r\n"
    assert mail["snippet"] == "Café &amp; &lt;b&gt;bar&lt;/b&gt;"
    assert mail["payload"]["partId"] == ""


@pytest.mark.parametrize("raw", [b"", b"\x00\xff", b"Content-Type: multipart/mixed\r\n\r\nx"])
def test_any_bytes_are_a_message(world: Google, box: Mailbox, raw: bytes):
    mail_id = deliver(world, raw=base64.b64encode(raw).decode())
    for form in ("full", "metadata", "minimal", "raw"):
        box.get(f"messages/{mail_id}", format=form)


def test_pages_join_and_new_mail_does_not_shift_them(world: Google, box: Mailbox):
    for number in range(7):
        deliver(world, subject=f"page {number}")
    whole = [one["id"] for one in box.get("messages", maxResults=500)["messages"]]
    first = box.get("messages", maxResults=3)
    deliver(world, subject="meanwhile")
    second = box.get("messages", maxResults=3, pageToken=first["nextPageToken"])
    shown = [one["id"] for one in first["messages"] + second["messages"]]
    assert shown == whole[:6]
    assert second["resultSizeEstimate"] == len(whole) + 1
    spoilt = box.call("messages", maxResults=3, pageToken=first["nextPageToken"], labelIds="SENT")
    assert spoilt.status_code == 400
    assert box.call("messages", pageToken="nonsense").status_code == 400


def test_spam_and_bin_are_hidden_unless_asked_for(world: Google, box: Mailbox):
    spam = deliver(world, labels=["SPAM"])
    assert spam not in box.ids()
    assert spam in box.ids(includeSpamTrash="true")
    assert box.ids(labelIds="SPAM")[0] == spam
    assert box.get("messages", labelIds=["SPAM", "SENT"]) == {"resultSizeEstimate": 0}


def test_one_persons_message_is_nobody_elses(world: Google):
    mail_id = deliver(world)
    assert world.mailbox("ada").call(f"messages/{mail_id}").status_code == 404


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("messages/0000000000000001", {}, 404),
        ("messages/not-an-id", {}, 400),
        ("messages", {"maxResults": "many"}, 400),
        ("messages", {"includeSpamTrash": "perhaps"}, 400),
        ("messages", {"pageSize": "10"}, 400),
        ("messages/0000000000000001", {"format": "everything"}, 400),
        ("labels/Label_99", {}, 404),
    ],
)
def test_wrong_calls_are_refused_in_googles_shape(box: Mailbox, path, query, status):
    error = box.call(path, **query).json()["error"]
    assert error["code"] == status
    assert error["errors"][0]["reason"] in {"notFound", "invalid", "invalidArgument"}


def test_the_users_of_the_path(world: Google, box: Mailbox):
    bearer = {"Authorization": f"Bearer {box.access_token}"}
    own = world.http.get("/gmail/v1/users/olga@opside.example/profile", headers=bearer)
    assert own.json()["emailAddress"] == "olga@opside.example"
    other = world.http.get("/gmail/v1/users/ada@example.com/profile", headers=bearer)
    assert other.status_code == 403
    assert other.json()["error"]["message"] == "Delegation denied for ada@example.com"


def test_tokens_that_do_not_open_the_mailbox(world: Google):
    for headers, reason in (({}, "required"), ({"Authorization": "Bearer x"}, "authError")):
        answer = world.http.get("/gmail/v1/users/me/profile", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["errors"][0]["reason"] == reason
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    token = world.grant("olga", scope=EMAIL)["access_token"]
    refused = Mailbox(world, token).call("profile")
    assert refused.status_code == 403
    assert refused.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"


def test_a_revoked_token_closes_the_mailbox_at_once(world: Google):
    box = world.mailbox("dora")
    box.get("profile")
    world.act("revoke", persona="dora")
    assert box.call("profile").status_code == 401


def test_profile_and_labels(world: Google, box: Mailbox):
    before = box.get("profile")
    deliver(world, labels=["INBOX", "Label_1"])
    after = box.get("profile")
    assert after["messagesTotal"] == before["messagesTotal"] + 1
    assert int(after["historyId"]) > int(before["historyId"])
    labels = {one["id"]: one for one in box.get("labels")["labels"]}
    assert labels["Label_1"] | {"type": "user"} == labels["Label_1"]
    assert labels["INBOX"]["type"] == "system"
    assert box.get("labels/Label_1")["messagesTotal"] == 1
