"""The methods against Google's discovery document, and the checker against itself."""

import copy
from collections.abc import Iterator

import httpx
import pytest
from gmail_contract import CONTRACT, GmailContract
from gmail_world import Google, google

from opside_sandbox.gmail.api.routes import METHODS
from opside_sandbox.gmail.faults import OPERATIONS
from opside_sandbox.settings import WrongSetting, load

present = pytest.mark.skipif(
    not CONTRACT.present, reason="Google's discovery document is not on this machine"
)


@pytest.fixture(scope="module")
def world() -> Iterator[Google]:
    with google() as started:
        yield started


@present
@pytest.mark.parametrize("method", METHODS, ids=lambda one: one.id)
def test_a_method_is_googles_with_all_its_parameters(method):
    documented = next(one for one in CONTRACT.methods if one["id"] == method.id)
    placed = documented["parameters"].items()
    assert set(method.parameters) == {name for name, one in placed if one["location"] == "query"}
    mine = f"gmail/v1/users/{{user_id}}/{method.path}".split("/")
    theirs = documented["path"].split("/")
    assert [one for one in mine if one[0] != "{"] == [one for one in theirs if one[0] != "{"]
    assert len(mine) == len(theirs)
    assert any("gmail.readonly" in scope for scope in documented["scopes"])


def test_every_method_can_suffer_a_fault():
    assert {one.id for one in METHODS} == {one for one in OPERATIONS if one.startswith("gmail.")}


@present
@pytest.mark.parametrize("spoilt", [
    {"colour": "red"}, {"sizeEstimate": "big"}, {"historyId": 7}, {"internalDate": "yesterday"},
    {"labelIds": "INBOX"}, {"payload": {"body": {"data": "a+b/"}}}, {"payload": {"oddity": 1}},
])  # fmt: skip
def test_the_checker_sees_what_is_wrong(world: Google, spoilt):
    box = world.mailbox()
    mail_id = box.get("messages", maxResults=1)["messages"][0]["id"]
    good = box.call(f"messages/{mail_id}")
    checker = GmailContract()
    checker.exchange(good)
    bad = httpx.Response(200, json={**copy.deepcopy(good.json()), **spoilt}, request=good.request)
    with pytest.raises(AssertionError):
        checker.exchange(bad)
    unknown = httpx.Request("GET", str(good.request.url.copy_add_param("depth", "3")))
    with pytest.raises(AssertionError):
        checker.exchange(httpx.Response(200, json=good.json(), request=unknown))


def test_a_wrong_publishing_status_is_named():
    with pytest.raises(WrongSetting, match="SANDBOX_GMAIL_PUBLISHING"):
        load({"SANDBOX_GMAIL_PUBLISHING": "soon"})


def test_the_state_outlives_the_process_and_not_a_reset(tmp_path):
    with google(SANDBOX_STATE=str(tmp_path)) as world:
        mail_id = world.act("deliver", persona="dora", subject="Kept")["id"]
        tokens = world.grant("dora")
    with google(SANDBOX_STATE=str(tmp_path)) as again:
        token = again.refresh(tokens["refresh_token"]).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        path = f"/gmail/v1/users/me/messages/{mail_id}"
        assert again.http.get(path, headers=bearer).status_code == 200
        again.control.post("/control/reset")
        assert again.http.get(path, headers=bearer).status_code == 401
        assert again.mailbox("dora").call(f"messages/{mail_id}").status_code == 404
