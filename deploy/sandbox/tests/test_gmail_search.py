"""Gmail's search language: read, matched, and asked over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from gmail_world import Google, Mailbox, google
from hypothesis import given, settings
from hypothesis import strategies as st

from opside_sandbox.gmail.mailbox.message import Mail
from opside_sandbox.gmail.papers.compose import Attachment, Letter, written
from opside_sandbox.gmail.search.dates import ago, moment
from opside_sandbox.gmail.search.match import Asker, matches
from opside_sandbox.gmail.search.query import All, AnyOf, Field, Node, Not, Text, parse

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
ASKER = Asker("me@example.com", NOW)


def mail(
    subject: str,
    sender: str = "a@b.example",
    *,
    name: str = "",
    labels=(),
    files=(),
    days: int = 0,
    text: str = "",
) -> Mail:
    at = NOW - timedelta(days=days)
    attachments = tuple(Attachment(one, "application/pdf", b"%PDF") for one in files)
    letter = Letter((name, sender), ("Me", "me@example.com"), at, subject, text,
                    attachments=attachments)  # fmt: skip
    return Mail("1", "1", at, frozenset(labels), 1, written(letter))


MAILS = [
    mail("Invoice 42", "billing@packing.example", labels=["INBOX"], files=["list.pdf"], days=1),
    mail("Packing list", "docs@forwarder.example", name="Müller", labels=["STARRED"], days=40),
    mail("list packing receipt", text="the invoice of müller", labels=["UNREAD", "INBOX"]),
    mail("from or to", "42@list.example", files=["invoice 42.PDF", "b.zip"], days=500),
]

# What a reader of the language would write by hand, without the program's help.
ORACLE = {
    ("subject", "invoice"): {0},
    ("subject", "list"): {1, 2},
    ("subject", "packing list"): {1},
    ("from", "packing"): {0},
    ("from", "42"): {3},
    ("filename", "pdf"): {0, 3},
    ("filename", "invoice"): {3},
    ("has", "attachment"): {0, 3},
    ("is", "starred"): {1},
    ("in", "inbox"): {0, 2},
    ("newer_than", "2d"): {0, 2},
    ("older_than", "1m"): {1, 3},
    ("to", "me"): {0, 1, 2, 3},
    ("label", "unread"): {2},
}
FREE = {
    ("invoice",): {0, 2, 3},
    ("packing", "list"): {1},
    ("42",): {0, 3},
    ("müller",): {1, 2},
    ("pack",): set(),
    ("or",): {3},
}

leaves = st.sampled_from(
    [Field(*one) for one in ORACLE] + [Text(one) for one in FREE],
)


def joined(kind: type[All] | type[AnyOf], nodes: list[Node]) -> Node:
    flat = [one for node in nodes for one in (node.nodes if isinstance(node, kind) else (node,))]
    return kind(tuple(flat))


nodes = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.builds(Not, below),
        st.lists(below, min_size=2, max_size=3).map(lambda some: joined(All, some)),
        st.lists(below, min_size=2, max_size=3).map(lambda some: joined(AnyOf, some)),
    ),
    max_leaves=8,
)


def rendered(node: Node, draw) -> str:
    """One of the ways to write a node so that it stands as one operand."""
    match node:
        case Text(found):
            return found[0] if len(found) == 1 and draw() else f'"{" ".join(found)}"'
        case Field(name, value):
            name = name.upper() if draw() else name
            return f'{name}:"{value}"' if " " in value or draw() else f"{name}:{value}"
        case Not(inner):
            text = rendered(inner, draw)
            return f"-({text})" if isinstance(inner, Not) or draw() else f"-{text}"
        case All(some):
            joint = " AND " if draw() else "  "
            return f"({joint.join(rendered(one, draw) for one in some)})"
        case AnyOf(some):
            if draw():
                return "{" + " ".join(rendered(one, draw) for one in some) + "}"
            return f"({' OR '.join(rendered(one, draw) for one in some)})"


def meant(node: Node) -> set[int]:
    """The places of the mails that answer, by sets."""
    match node:
        case Text(found):
            return FREE[found]
        case Field(name, value):
            return ORACLE[name, value]
        case Not(inner):
            return set(range(len(MAILS))) - meant(inner)
        case All(some):
            return set.intersection(*map(meant, some))
        case AnyOf(some):
            return set.union(*map(meant, some))


@settings(deadline=None)
@given(nodes, st.data())
def test_what_is_written_is_read_as_it_was_meant(node: Node, data: st.DataObject):
    text = rendered(node, lambda: data.draw(st.booleans()))
    assert parse(text) == node
    found = {place for place, one in enumerate(MAILS) if matches(parse(text), one, ASKER)}
    assert found == meant(node)


@settings(deadline=None)
@given(st.text() | st.text(alphabet='()"{}-: ORfromsubject|1d/\n', max_size=60))
def test_any_text_is_a_query(text: str):
    node = parse(text)
    assert {matches(node, one, ASKER) for one in MAILS} <= {True, False}


@pytest.mark.parametrize("text", ["(" * 5000, "from:" * 5000 + "x", "-(" * 5000, "{" * 999 + "a"])
def test_no_text_is_too_deep(text: str):
    matches(parse(text), MAILS[0], ASKER)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("", All(())),
        ("  () - OR AND \"\" ", All(())),
        ("a OR b c", All((AnyOf((Text(("a",)), Text(("b",)))), Text(("c",))))),
        ("a OR (b c)", AnyOf((Text(("a",)), All((Text(("b",)), Text(("c",))))))),
        ("john-smith", Text(("john", "smith"))),
        ("-john-smith", Not(Text(("john", "smith")))),
        ("unknown:thing", Text(("unknown", "thing"))),
        ("subject:(a b)", All((Field("subject", "a"), Field("subject", "b")))),
        ("subject:{a b}", AnyOf((Field("subject", "a"), Field("subject", "b")))),
        ('-from:"A B"', Not(Field("from", "A B"))),
        ("from:", Text(("from",))),
        ('"half a phrase', Text(("half", "a", "phrase"))),
        ("(a", Text(("a",))),
        ("a)", Text(("a",))),
        ("a or b", All((Text(("a",)), Text(("or",)), Text(("b",))))),
    ],
)  # fmt: skip
def test_reading(text: str, node: Node):
    assert parse(text) == node


def test_days_are_pacific_and_seconds_are_exact():
    assert moment("2026/3/1") == moment("2026-03-01") == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert moment("1772352000") == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert moment("2026/2/30") is moment("yesterday") is moment("42") is None


def test_spans_count_calendar_months():
    assert ago(NOW, "1m") == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert ago(NOW, "18m") == datetime(2024, 9, 30, 12, tzinfo=UTC)
    assert ago(NOW, "2y") == datetime(2024, 3, 31, 12, tzinfo=UTC)
    assert ago(NOW, "3w") is ago(NOW, "9999y") is ago(NOW, "99999m") is None


@pytest.fixture(scope="module")
def world() -> Iterator[Google]:
    with google(SANDBOX_GMAIL_UNITS_PER_MINUTE="10000000") as started:
        yield started


@pytest.fixture
def box(world: Google) -> Mailbox:
    return world.mailbox("ada")


def test_the_products_search_finds_every_paper(world: Google, box: Mailbox):
    query = (
        'has:attachment (invoice OR receipt OR "packing list" OR "bill of lading" OR '
        '"proof of delivery") newer_than:18m'
    )
    found = set(box.ids(query))
    truth = world.control.get("/control/gmail/truth/ada").json()["messages"]
    edge = (world.now() - timedelta(days=530)).date().isoformat()
    wanted = {
        one["id"] for one in truth if one["date"] > edge and one["kind"] != "parcel_delivered"
    }
    bare = {one["id"] for one in truth if "Riverside" in one["firm"]}
    # One supplier writes neither word; his files must be found by their names.
    assert wanted - found <= bare
    assert wanted & bare <= set(box.ids("filename:pdf from:riverside-textiles.example"))
    assert len(wanted & found) > 50
    assert found - {one["id"] for one in truth}


def test_operators_over_http(world: Google, box: Mailbox):
    sent = world.act(
        "deliver",
        persona="ada",
        sender="mei@brightline.example",
        sender_name="Mei Tan",
        subject="Price list, spring",
        text="New prices: see the list_2026.",
        attachments=[{"filename": "Spring Prices.xlsx", "content": ""}],
        labels=["INBOX", "Label_1"],
    )["id"]
    for query in (
        'subject:"price list" from:mei', "from:mei@brightline.example", "from:brightline.example",
        "filename:xlsx", 'filename:"spring prices"', "label:suppliers subject:spring",
        "list_2026", "newer_than:1d has:attachment subject:spring", "to:me subject:spring",
        "-is:unread in:inbox subject:(price spring)", "{subject:spring subject:autumn}",
        f"after:{int(world.now().timestamp()) - 60} -in:sent",
    ):  # fmt: skip
        assert sent in box.ids(query), query
    for query in (
        "from:me subject:spring", "subject:pric", "list subject:spring before:2020/1/1",
        "filename:pdf subject:spring", "older_than:1d subject:spring", "-list subject:spring",
    ):  # fmt: skip
        assert sent not in box.ids(query), query
    world.wait(2)
    box = world.mailbox()
    assert sent not in box.ids("newer_than:1d")
    assert sent in box.ids("older_than:1d newer_than:3d")


def test_spam_is_found_only_where_it_is_named(box: Mailbox):
    spam = set(box.ids("in:spam"))
    assert spam
    assert not spam & set(box.ids("overdue"))
    assert spam <= set(box.ids("overdue in:anywhere"))
    assert spam == set(box.ids(labelIds="SPAM"))


def test_a_page_token_belongs_to_its_search(box: Mailbox):
    token = box.get("messages", q="invoice", maxResults=5)["nextPageToken"]
    assert box.call("messages", q="invoice", maxResults=5, pageToken=token).status_code == 200
    assert box.call("messages", q="receipt", maxResults=5, pageToken=token).status_code == 400
    assert len(box.ids("invoice", maxResults=7)) == len(box.ids("invoice"))
