"""Quotas, and faults at the n-th call."""

import time
from collections.abc import Iterator

import httpx
import pytest
from gmail_world import Google, Mailbox, google

LIST, GET = "gmail.users.messages.list", "gmail.users.messages.get"


@pytest.fixture(scope="module")
def world() -> Iterator[Google]:
    with google(SANDBOX_GMAIL_UNITS_PER_MINUTE="10000000") as started:
        yield started


@pytest.fixture
def box(world: Google) -> Iterator[Mailbox]:
    yield world.mailbox("olga")
    world.control.delete("/control/gmail/faults")


def plan(world: Google, operation: str, kind: str, **more) -> None:
    world.act("faults", operation=operation, kind=kind, **more)


def calls(world: Google) -> dict[str, int]:
    return world.control.get("/control/gmail/faults").json()["calls"]


def test_a_user_has_so_many_units_a_minute():
    with google(SANDBOX_GMAIL_UNITS_PER_MINUTE="60") as world:
        box = world.mailbox("ada")
        assert [box.call("messages").status_code for _ in range(12)] == [200] * 12
        refused = [box.call("messages") for _ in range(2)]
        assert [one.status_code for one in refused] == [429, 403]
        for one in refused:
            assert one.json()["error"]["errors"][0]["reason"] == "rateLimitExceeded"
            assert "retry-after" not in one.headers
        assert refused[0].json()["error"]["status"] == "RESOURCE_EXHAUSTED"
        assert refused[1].json()["error"]["errors"][0]["domain"] == "usageLimits"
        assert world.mailbox("ben").call("messages").status_code == 200
        world.wait(6 / 86400)
        assert box.call("messages").status_code == 200
        assert box.call("messages").status_code in {403, 429}
        world.wait(1)
        fresh = world.mailbox("ada")
        mail_id = fresh.get("messages")["messages"][0]["id"]
        # 60 units again, and no more than that: 5 for the list, 20 for each message.
        forms = [fresh.call(f"messages/{mail_id}").status_code for _ in range(3)]
        assert forms[:2] == [200, 200]
        assert forms[2] in {403, 429}


def test_the_nth_call_suffers_and_no_other(world: Google, box: Mailbox):
    plan(world, LIST, "500_before", nth=2, times=2)
    statuses = [box.call("messages").status_code for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]
    assert box.call("profile").status_code == 200
    done = calls(world)[LIST]
    plan(world, LIST, "429", nth=done + 2, relative=False)
    assert [box.call("messages").status_code for _ in range(3)] == [200, 429, 200]
    assert calls(world)[LIST] == done + 3


@pytest.mark.parametrize(("kind", "reason"), [("403", "rateLimitExceeded"),
                                              ("429", "rateLimitExceeded"),
                                              ("403_user_rate", "userRateLimitExceeded"),
                                              ("403_daily_limit", "dailyLimitExceeded"),
                                              ("403_domain_policy", "domainPolicy"),
                                              ("503", "backendError"),
                                              ("500_after", "backendError")])  # fmt: skip
def test_refusals_have_googles_shape(world: Google, box: Mailbox, kind, reason):
    plan(world, GET, kind)
    answer = box.call(f"messages/{box.ids()[0]}")
    assert answer.status_code == int(kind[:3])
    assert answer.json()["error"]["errors"][0]["reason"] == reason


def test_a_reset_connection(world: Google, box: Mailbox):
    plan(world, LIST, "reset")
    with pytest.raises(httpx.TransportError):
        box.call("messages")
    assert box.call("messages").status_code == 200


def test_a_torn_body_breaks_off_and_a_slow_one_arrives(world: Google, box: Mailbox):
    whole = box.call("messages").json()
    plan(world, LIST, "torn")
    with pytest.raises(httpx.RemoteProtocolError):
        box.call("messages")
    plan(world, LIST, "slow", seconds=0.4)
    began = time.monotonic()
    assert box.call("messages").json() == whole
    assert time.monotonic() - began >= 0.4


def test_a_page_where_json_should_be(world: Google, box: Mailbox):
    plan(world, "gmail.users.getProfile", "wrong_type")
    bearer = {"Authorization": f"Bearer {box.access_token}"}
    answer = world.http.get("/gmail/v1/users/me/profile", headers=bearer)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_the_clock_jumps_under_a_call(world: Google, box: Mailbox):
    plan(world, LIST, "clock_jump", seconds=3700)
    assert box.call("messages").status_code == 401


@pytest.mark.parametrize(("kind", "spent"), [
    ("500_before", False), ("500_after", True), ("timeout_before", False), ("timeout_after", True),
    ("reset", False), ("429", False),
])  # fmt: skip
def test_before_and_after_the_commit_of_a_token(world: Google, box: Mailbox, kind, spent):
    code = world.decide("olga")["code"]
    plan(world, "oauth2.token", kind, seconds=0.2)
    try:
        answer = world.exchange(code)
        assert answer.status_code == int(kind[:3])
        assert set(answer.json()) == {"error", "error_description"}
    except httpx.TransportError:
        assert kind in {"timeout_before", "timeout_after", "reset"}
    again = world.exchange(code)
    assert again.json().get("error") == ("invalid_grant" if spent else None)


def test_a_timeout_is_longer_than_the_clients_patience(world: Google, box: Mailbox):
    plan(world, "oauth2.userinfo", "timeout_before")
    with (
        httpx.Client(base_url=world.http.base_url, timeout=0.3) as hasty,
        pytest.raises(httpx.ReadTimeout),
    ):
        hasty.get("/v1/userinfo")


@pytest.mark.parametrize(
    "wrong", [{"operation": "gmail.users.drafts.list"}, {"kind": "418"}, {"nth": 0}]
)
def test_unknown_operations_and_kinds_are_refused(world: Google, wrong):
    body = {"operation": LIST, "kind": "429", **wrong}
    assert world.control.post("/control/gmail/faults", json=body).status_code == 422
