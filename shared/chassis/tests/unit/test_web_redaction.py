"""Canaries: secrets of every sort are logged on purpose and must not come out."""

import io
import json
import logging
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_parts import Keys

from opside_chassis.redaction import (
    MAX_TEXT_CHARACTERS,
    REDACTED,
    is_secret_name,
    redact,
    redact_text,
)
from opside_chassis.telemetry import JsonFormatter

CANARY = "canary7Qx2"
# Put together here, so that no file holds anything shaped like a key.
SHAPED = {
    "service token": Keys().service_token(),
    "half a token": Keys().service_token().rpartition(".")[0],
    "stripe secret key": "_".join(["sk", "test", CANARY * 3]),
    "stripe live key": "_".join(["sk", "live", CANARY * 3]),
    "stripe restricted key": "_".join(["rk", "live", CANARY * 3]),
    "stripe webhook secret": "_".join(["whsec", CANARY * 3]),
    "stripe client secret": f"pi_3Mtw_secret_{CANARY}",
    "stripe setup secret": f"seti_1Mtw_secret_{CANARY}",
    "amazon access token": "|".join(["Atza", CANARY * 3]),
    "amazon refresh token": "|".join(["Atzr", CANARY * 3]),
    "amazon client secret": ".".join(["amzn1", "oa2-cs", "v1", CANARY * 3]),
    "google access token": ".".join(["ya29", CANARY * 3]),
    "google refresh token": "1//" + CANARY * 3,
    "bearer": f"Bearer {CANARY}",
}
NAMED = [
    "Authorization: Basic {}",
    "authorization={}",
    '"Authorization": "Bearer {}"',
    "{{'authorization': 'Bearer {}'}}",
    "Cookie: __Host-session={}; theme=dark",
    "Set-Cookie: a=1; b={}",
    "client_secret={}&grant_type=refresh_token",
    "grant_type=x&refresh_token={}",
    '{{"access_token":"{}","expires_in":3600}}',
    '{{"refreshToken": "{}"}}',
    "STRIPE_SECRET_KEY={}",
    "api-key: {}",
    "apiKey={}",
    "password = {}",
    "X-CSRF-Token: {}",
    "Stripe-Signature: t=1,v1={}",
    "postgresql://app:{}@127.0.0.1:5432/opside",
    "redis://:{}@127.0.0.1/0",
    "GET /api/auth/amazon/callback?code={}&state=abc",
    "?state={}",
    "spapi_oauth_code={}",
    "/api/filings/calendar.ics?key={}",
    "private_key='{}'",
]


@pytest.mark.parametrize("shape", SHAPED)
@pytest.mark.parametrize("around", ["{}", "x {} y", "'{}'", "url/{}?a=1", "a={},b", "<{}>", "[{}]"])
def test_known_shapes_never_come_out(shape: str, around: str) -> None:
    secret = SHAPED[shape]
    clean = redact_text(around.format(secret))
    assert secret not in clean
    assert CANARY not in clean
    assert REDACTED in clean


@pytest.mark.parametrize("form", NAMED)
def test_named_secrets_never_come_out(form: str) -> None:
    clean = redact_text(f"before {form.format(CANARY)} ")
    assert CANARY not in clean
    assert clean.startswith("before ")


def luhn_complete(digits: str) -> str:
    for last in "0123456789":
        total = 0
        for place, digit in enumerate(reversed(digits + last)):
            value = int(digit) * (2 if place % 2 else 1)
            total += value // 10 + value % 10
        if total % 10 == 0:
            return digits + last
    raise AssertionError


cards = st.builds(
    lambda first, rest: luhn_complete(first + rest),
    st.sampled_from("23456"),
    st.text("0123456789", min_size=11, max_size=17),
)


def grouped(card: str, separator: str, size: int) -> str:
    return separator.join(card[start : start + size] for start in range(0, len(card), size))


@given(
    card=cards,
    separator=st.sampled_from(["", " ", "-"]),
    size=st.sampled_from([4, 5, 6]),
    before=st.sampled_from(["", "card ", "n=", "12/27 ", "order 7-", '"', "\n", "é"]),
    after=st.sampled_from(["", " 123", " 12/27", ".", '"', "-1", "x"]),
)
def test_card_numbers_never_come_out(card, separator, size, before, after) -> None:
    shown = grouped(card, separator, size)
    clean = redact_text(before + shown + after)
    assert shown not in clean
    assert card not in clean.replace(separator or " ", "")


@given(cards)
def test_card_numbers_as_numbers_never_come_out(card: str) -> None:
    assert card not in json.dumps(redact({"n": int(card), "deep": [{"m": [int(card)]}]}))


@pytest.mark.parametrize(
    "text",
    [
        "POST /api/v1/stripe/charge-commission 202",
        "commission txn_0197a2b4c5d67e8f9a0b1c2d3e4f5a6b settled",
        "order 113-7764123-9999999 of 2026-05-27T12:34:56.789Z",
        "at 1748349296789 ms, 1748349296 s, amount_minor=123456",
        "evt_1PabcDEF acct_1Qabc pi_3Mtw ch_3Mtw",
        "sync 3 of 5: 120000 rows in 2.5 s",
        "host 127.0.0.1:5432 version 18.6.3",
    ],
)
def test_what_we_need_to_read_stays(text: str) -> None:
    assert redact_text(text) == text


def test_secret_names_at_any_depth() -> None:
    nested: Any = {"ok": 1, "list": [{"refresh_token": CANARY, "Cookie": [CANARY]}], "n": None}
    clean = redact(nested)
    assert CANARY not in json.dumps(clean)
    assert clean["ok"] == 1
    assert clean["n"] is None
    for name in ("X-Api-Key", "clientSecret", "ENCRYPTION_KEY", "cardNumber", "access_token"):
        assert is_secret_name(name), name
    for name in ("idempotencyKey", "keyId", "userId", "status", "code"):
        assert not is_secret_name(name), name


def test_self_containing_and_odd_values_do_not_break_a_log_line() -> None:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    odd = {"loop": loop, "bytes": b"\xff", "set": {1}, 3: object, "nan": float("nan")}
    assert json.dumps(redact(odd))


@pytest.mark.parametrize(
    "unit", ["a-", "token", "eyJ", "4", "4 ", "'", "x=", "Cookie ", "\\", "1//"]
)
def test_long_texts_cost_little(unit: str) -> None:
    started = time.thread_time()
    redact_text(unit * (4 * MAX_TEXT_CHARACTERS // len(unit)))
    assert time.thread_time() - started < 1.0


def logged(log: Any) -> dict[str, Any]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("stripe-payments"))
    logger = logging.getLogger("canary")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.handlers = [handler]
    log(logger)
    text = stream.getvalue()
    assert CANARY not in text
    assert text.count("\n") == 1
    line: dict[str, Any] = json.loads(text)
    return line


def fail(text: str) -> None:
    raise ValueError(text)


def raise_and_log(logger: logging.Logger) -> None:
    try:
        fail("password=" + CANARY)
    except ValueError:
        logger.exception("it broke\nin two lines")


def test_log_lines_are_single_json_objects_without_secrets() -> None:
    line = logged(lambda log: log.warning("token %s for %s", f"secret={CANARY}", "usr_1"))
    assert line["level"] == "warning"
    assert line["service"] == "stripe-payments"
    assert line["logger"] == "canary"
    assert line["message"].endswith("for usr_1")
    extra = {"claimId": "clm_1", "authorization": f"Bearer {CANARY}", "headers": {"cookie": CANARY}}
    line = logged(lambda log: log.info("asked", extra=extra))
    assert (line["claimId"], line["authorization"]) == ("clm_1", REDACTED)
    line = logged(raise_and_log)
    assert "ValueError" in line["exception"]
    assert line["message"] == "it broke\nin two lines"


@pytest.mark.parametrize(
    "char", ["\n", "\r", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u202e", "\u2066"]
)
def test_no_character_of_a_client_begins_a_line_or_colours_a_terminal(char: str) -> None:
    formatter = JsonFormatter("main-api")
    made = logging.makeLogRecord({"msg": "GET /%s 404", "args": (char,), "path": f"/{char}"})
    line = formatter.format(made)
    assert char not in line
    assert json.loads(line)["path"] == f"/{char}"


def test_extra_fields_replace_no_standard_one() -> None:
    line = logged(lambda log: log.info("real", extra={"service": "fake", "level": "fake"}))
    assert (line["service"], line["level"]) == ("stripe-payments", "info")


def test_a_long_traceback_keeps_its_end() -> None:
    def fail_long(logger: logging.Logger) -> None:
        try:
            fail("x" * (2 * MAX_TEXT_CHARACTERS) + " the end")
        except ValueError:
            logger.exception("long")

    assert logged(fail_long)["exception"].endswith("the end")
