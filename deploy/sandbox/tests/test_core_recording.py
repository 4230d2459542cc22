"""The recording of API exchanges, and the script that holds it against the contracts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sandbox_process import PUBLISHABLE_KEY, SECRET_KEY, Sandbox, running
from stripe_contract import CONTRACT

from opside_sandbox.recording import HIDDEN, LIMIT_BYTES
from opside_sandbox.settings import WrongSetting, load

SCRIPT = Path(__file__).with_name("validate_recording.py")
BEARER = {"Authorization": f"Bearer {SECRET_KEY}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recording"


@pytest.fixture
def recorded(folder: Path) -> Iterator[Sandbox]:
    with running(SANDBOX_RECORD=str(folder)) as started:
        yield started


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A customer is made: the line of it."""
    folder = tmp_path_factory.mktemp("exchange")
    with running(SANDBOX_RECORD=str(folder)) as started:
        stripe(started, "/v1/customers", email="a@example.com")
    return lines(folder)[0]


def lines(folder: Path, provider: str = "stripe") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{provider}.jsonl").read_text().splitlines()]


def stripe(sandbox: Sandbox, path: str, **form: str) -> httpx.Response:
    return httpx.post(f"{sandbox.stripe}{path}", data=form, headers=BEARER)


def validated(folder: Path) -> tuple[int, str]:
    command = [sys.executable, str(SCRIPT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, done.stdout + done.stderr


def test_an_exchange_is_one_line_as_soon_as_it_is_answered(recorded: Sandbox, folder: Path):
    answer = stripe(recorded, "/v1/customers", email="a@example.com")
    httpx.get(f"{recorded.stripe}/v1/customers?limit=3", headers=BEARER)
    made, listed = lines(folder)
    assert json.loads(made.pop("answer")) == answer.json()
    assert made == {
        "method": "POST",
        "path": "/v1/customers",
        "query": "",
        "contentType": "application/x-www-form-urlencoded",
        "body": "email=a%40example.com",
        "status": 200,
        "answerType": "application/json",
        "cut": [],
    }
    assert (listed["method"], listed["query"], listed["body"]) == ("GET", "limit=3", "")


def test_pages_tokens_and_the_control_api_are_not_recorded(recorded: Sandbox, folder: Path):
    httpx.get(f"{recorded.stripe}/")
    httpx.get(f"{recorded.amazon}/apps/store/start")
    httpx.post(f"{recorded.amazon}/auth/o2/token", data={"grant_type": "refresh_token"})
    httpx.get(f"{recorded.gmail}/o/oauth2/v2/auth")
    httpx.get(f"{recorded.control}/control/clock")
    assert list(folder.iterdir()) == []
    httpx.get(f"{recorded.amazon}/sellers/v1/account", headers={"x-amz-access-token": "Atza|x"})
    httpx.get(f"{recorded.amazon}/reports/2021-06-30/reports/1")
    httpx.get(f"{recorded.gmail}/gmail/v1/users/me/profile")
    assert [one["status"] for one in lines(folder, "amazon")] == [403, 403]
    assert [one["status"] for one in lines(folder, "gmail")] == [401]
    assert "Atza" not in (folder / "amazon.jsonl").read_text()


def test_secrets_stay_out(recorded: Sandbox, folder: Path):
    card = {"type": "card", "card[number]": "4242424242424242", "card[cvc]": "987"}
    stripe(recorded, "/v1/payment_methods", **card, **{"card[exp_month]": "12"})
    intent = stripe(recorded, "/v1/setup_intents").json()
    httpx.get(
        f"{recorded.stripe}/v1/setup_intents/{intent['id']}",
        params={"client_secret": intent["client_secret"]},
        headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
    )
    endpoint = {"url": "https://example.com/hook", "enabled_events[]": "charge.failed"}
    made = stripe(recorded, "/v1/webhook_endpoints", **endpoint).json()
    text = (folder / "stripe.jsonl").read_text()
    secrets = [SECRET_KEY, PUBLISHABLE_KEY, "4242424242424242", "=987", made["secret"]]
    assert [one for one in [*secrets, intent["client_secret"]] if one in text] == []
    assert text.count(HIDDEN) == 6


def test_what_is_not_whole_is_noted(recorded: Sandbox, folder: Path):
    control = httpx.Client(base_url=f"{recorded.control}/control/stripe")
    fault = {"operation": "customers.create", "kind": "reset_after", "nth": 1}
    assert control.post("/faults", json=fault).is_success
    with pytest.raises(httpx.TransportError):
        stripe(recorded, "/v1/customers", name="cut")
    stripe(recorded, "/v1/customers", name="x" * LIMIT_BYTES)
    hung_up, too_long = lines(folder)
    assert (hung_up["body"], hung_up["status"], hung_up["cut"]) == ("name=cut", None, ["answer"])
    assert (too_long["body"], too_long["cut"]) == (None, ["body"])
    if CONTRACT.present:
        code, said = validated(folder)
        assert code == 0
        assert "1 requests and 0 answers validated, 0 failures" in said
        assert "1 never answered" in said
        assert "1 requests not whole" in said


def test_nothing_is_recorded_unless_asked(tmp_path: Path):
    assert load({}).record is None
    (tmp_path / "file").touch()
    with pytest.raises(WrongSetting, match="SANDBOX_RECORD"):
        load({"SANDBOX_RECORD": str(tmp_path / "file")})


def test_the_script_passes_what_keeps_to_the_contract(recorded: Sandbox, folder: Path):
    stripe(recorded, "/v1/customers", email="a@example.com")
    assert stripe(recorded, "/v1/payment_intents", amount="5", currency="usd").status_code == 400
    code, said = validated(folder)
    assert code == 0, said
    assert "amazon: nothing was recorded" in said
    if CONTRACT.present:
        assert "stripe: 2 operations, 2 requests and 2 answers validated, 0 failures" in said
    else:
        assert "stripe: the contract is absent, 2 exchanges were not validated" in said


def test_a_browser_may_be_shown_less_of_an_object(recorded: Sandbox, folder: Path):
    intent = stripe(recorded, "/v1/setup_intents").json()
    form = {"client_secret": intent["client_secret"], "payment_method": "pm_card_visa"}
    httpx.post(
        f"{recorded.stripe}/v1/setup_intents/{intent['id']}/confirm",
        data=form,
        headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
    ).raise_for_status()
    code, said = validated(folder)
    assert code == 0, said


@pytest.mark.parametrize(
    ("spoilt", "complaint"),
    [
        ({"body": "nickname=a"}, "POST /v1/customers (200): post /v1/customers body"),
        ({"body": "balance=much"}, "is not of type"),
        ({"query": "depth=3"}, "'depth' was unexpected"),
        ({"contentType": "application/json"}, "body sent as application/json"),
        ({"path": "/v1/custom"}, "/v1/custom is not in the contract"),
        ({"answer": "{}"}, "required property"),
        ({"answer": "{"}, "POST /v1/customers (200)"),
    ],
)
def test_the_script_sees_a_wrong_exchange(
    exchange: dict[str, Any], folder: Path, spoilt: dict[str, str], complaint: str
):
    folder.mkdir()
    (folder / "stripe.jsonl").write_text(json.dumps({**exchange, **spoilt}) + "\n")
    code, said = validated(folder)
    if CONTRACT.present:
        assert code == 1, said
        assert "1 failures" in said
        assert complaint in said


def test_a_refused_request_is_judged_as_well(recorded: Sandbox, folder: Path):
    assert stripe(recorded, "/v1/customers", nickname="a").status_code == 400
    reports = f"{recorded.amazon}/reports/2021-06-30/reports"
    assert httpx.get(reports, params={"pageSize": "many"}).status_code == 403
    code, said = validated(folder)
    if CONTRACT.present:
        assert code == 1
        assert "FAILED POST /v1/customers (400)" in said
    if "amazon: the contract is absent" not in said:
        assert "getReports request: query pageSize" in said


def test_the_script_says_how_it_is_used(tmp_path: Path):
    code, said = validated(tmp_path / "nowhere")
    assert code == 1
    assert "usage" in said
    code, said = validated(tmp_path)
    assert code == 1
    assert "stripe: nothing was recorded" in said
