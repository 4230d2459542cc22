"""Changes since a number, and conversations."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from gmail_world import Google, Mailbox, google
from hypothesis import given, settings
from hypothesis import strategies as st

from opside_sandbox.gmail.mailbox import box as mailbox
from opside_sandbox.gmail.mailbox import changes as history
from opside_sandbox.settings import load
from opside_sandbox.state import SandboxState, open_state


@pytest.fixture(scope="module")
def world() -> Iterator[Google]:
    with google(SANDBOX_GMAIL_UNITS_PER_MINUTE="10000000") as started:
        yield started


@pytest.fixture
def box(world: Google) -> Mailbox:
    return world.mailbox("ben")


def head(box: Mailbox) -> str:
    return box.get("profile")["historyId"]


def changes(box: Mailbox, start: str, **query) -> list[tuple[str, str]]:
    """(kind, message id) of every record since then, all pages."""
    found = []
    while True:
        answer = box.get("history", startHistoryId=start, **query)
        for record in answer.get("history", []):
            (kind,) = set(record) - {"id", "messages"}
            found += [(kind, one["message"]["id"]) for one in record[kind]]
        if "nextPageToken" not in answer:
            assert answer["historyId"] == head(box)
            return found
        query["pageToken"] = answer["nextPageToken"]


def test_history_tells_every_change_once_and_in_order(world: Google, box: Mailbox):
    start = head(box)
    first = world.act("deliver", persona="ben", subject="1")["id"]
    second = world.act("deliver", persona="ben", subject="2")["id"]
    world.act("labels", persona="ben", id=first, add=["STARRED"], remove=["UNREAD"])
    world.act("delete", persona="ben", id=second)
    expected = [
        ("messagesAdded", first),
        ("messagesAdded", second),
        ("labelsAdded", first),
        ("labelsRemoved", first),
        ("messagesDeleted", second),
    ]
    assert changes(box, start) == expected
    assert changes(box, start, maxResults=2) == expected
    assert changes(box, start, historyTypes=["messageAdded"]) == expected[:2]
    assert changes(box, start, labelId="STARRED") == [expected[2], expected[3]]
    assert changes(box, head(box)) == []
    assert second not in box.ids()
    assert "STARRED" in box.get(f"messages/{first}", format="minimal")["labelIds"]


def test_a_labels_record_names_the_labels(world: Google, box: Mailbox):
    mail_id = world.act("deliver", persona="ben")["id"]
    start = head(box)
    world.act("labels", persona="ben", id=mail_id, add=["Label_1"], remove=["INBOX", "SENT"])
    added, removed = box.get("history", startHistoryId=start)["history"]
    assert added["labelsAdded"][0]["labelIds"] == ["Label_1"]
    assert removed["labelsRemoved"][0]["labelIds"] == ["INBOX"]
    message = box.get(f"messages/{mail_id}", format="minimal")
    assert message["historyId"] == removed["id"] == head(box)


def test_numbers_grow_with_gaps(world: Google, box: Mailbox):
    start = head(box)
    for _ in range(4):
        world.act("deliver", persona="ben")
    numbers = [int(one["id"]) for one in box.get("history", startHistoryId=start)["history"]]
    assert numbers == sorted(set(numbers))
    assert all(after - before > 1 for before, after in pairwise(numbers))


def test_a_start_in_a_gap_is_as_good_as_any(world: Google, box: Mailbox):
    start = head(box)
    mail_id = world.act("deliver", persona="ben")["id"]
    assert changes(box, str(int(start) + 1)) == [("messagesAdded", mail_id)]


def test_a_start_that_is_too_old_is_404(world: Google, box: Mailbox):
    oldest = box.get(f"messages/{box.ids()[-1]}", format="minimal")["historyId"]
    gone = box.call("history", startHistoryId=oldest)
    assert (gone.status_code, gone.json()["error"]["errors"][0]["reason"]) == (404, "notFound")
    start = head(box)
    kept = world.act("deliver", persona="ben")["id"]
    world.wait(6.5)
    box = world.mailbox("ben")
    assert changes(box, start) == [("messagesAdded", kept)]
    world.wait(1)
    box = world.mailbox("ben")
    assert box.call("history", startHistoryId=start).status_code == 404
    assert changes(box, head(box)) == []


def test_gmail_may_forget_sooner(world: Google, box: Mailbox):
    start = head(box)
    world.act("deliver", persona="ben")
    assert world.act("history/forget", persona="ben") == {"floor": head(box)}
    assert box.call("history", startHistoryId=start).status_code == 404
    assert changes(box, head(box)) == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"startHistoryId": "x"}, 400),
        ({"startHistoryId": "99999999999"}, 404),
        ({"startHistoryId": "1"}, 404),
        ({"startHistoryId": "1", "historyTypes": "everything"}, 400),
    ],
)
def test_starts_that_nobody_gave(box: Mailbox, query, status):
    assert box.call("history", **query).status_code == status


def test_threads_hold_their_messages_in_order(world: Google, box: Mailbox):
    sent = {one["id"]: one["threadId"] for one in box.get("messages", q="in:sent")["messages"]}
    answer, thread_id = next(iter(sent.items()))
    thread = box.get(f"threads/{thread_id}", format="metadata")
    assert [one["id"] for one in thread["messages"]] == [thread_id, answer]
    listed = box.get("threads", q="in:sent", maxResults=500)
    assert {one["id"] for one in listed["threads"]} == set(sent.values())
    assert listed["resultSizeEstimate"] == len(set(sent.values()))
    assert box.call("threads/0000000000000001").status_code == 404
    assert box.call(f"threads/{thread_id}", format="raw").status_code == 400
    totals = box.get("profile")
    assert totals["threadsTotal"] < totals["messagesTotal"]


def test_threads_come_in_pages(box: Mailbox):
    first = box.get("threads", maxResults=10)
    second = box.get("threads", maxResults=10, pageToken=first["nextPageToken"])
    ids = [one["id"] for one in first["threads"] + second["threads"]]
    assert len(set(ids)) == 20


def test_one_mailbox_has_its_own_history(world: Google, box: Mailbox):
    before = head(world.mailbox("cleo"))
    world.act("deliver", persona="ben")
    assert head(world.mailbox("cleo")) == before


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["deliver", "label", "delete"]),
        st.integers(0, 30),
        st.sets(st.sampled_from(["INBOX", "UNREAD", "STARRED", "Label_1"])),
        st.sets(st.sampled_from(["INBOX", "UNREAD", "STARRED", "Label_1"])),
    ),
    max_size=12,
)


def lying(state: SandboxState) -> dict[str, frozenset[str]]:
    return {one.id: one.labels for one in mailbox.messages(state, "olga")}


@settings(deadline=None)
@given(ACTS)
def test_replaying_the_history_from_any_moment_gives_the_mailbox(acts):
    state = open_state(load({}))
    moments = [(history.current(state, "olga"), lying(state))]
    for act, place, add, remove in acts:
        mails = mailbox.messages(state, "olga")
        mail = mails[place % len(mails)]
        if act == "deliver":
            mailbox.receive(state, "olga", b"Subject: x\r\n\r\n", add)
        elif act == "label":
            mailbox.relabel(state, "olga", mail, add, remove)
        else:
            mailbox.delete(state, "olga", mail)
        moments.append((history.current(state, "olga"), lying(state)))
    for number, then in moments:
        for change in history.since(state, "olga", number):
            if change.kind == "messagesDeleted":
                del then[change.mail_id]
            else:
                then[change.mail_id] = frozenset(change.mail_labels)
        assert then == lying(state)
    state.store.close()
