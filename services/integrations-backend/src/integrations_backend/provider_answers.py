"""What providers answer, read in one place: JSON objects, and tokens as RFC 6749 has them.

Each provider's client names its own `ProviderUnavailable`, which is raised for whatever is not as described.
"""

from typing import Any

import httpx

from integrations_backend.grants import Grant, GrantRefused, ProviderUnavailable

LONGEST_CODE_CHARS = 60
"""Of a provider's word for an error; it is shown to people and logged."""


def json_object(answer: httpx.Response, unavailable: type[ProviderUnavailable]) -> dict[str, Any]:
    """The answer's JSON object."""
    try:
        found = answer.json()
    except ValueError as error:
        raise unavailable("the answer is no JSON") from error
    if not isinstance(found, dict):
        raise unavailable("the answer is no JSON object")
    return found


def token_answer(answer: httpx.Response, unavailable: type[ProviderUnavailable]) -> dict[str, Any]:
    """What a token endpoint grants.

    The status first: a 503 may carry a page. Any error but `invalid_grant` is a fault of ours, such as
    `invalid_client`, and no seller can mend it (facts/amazon-gmail.md section 1.4).

    Raises:
        GrantRefused: 400 `invalid_grant`: the seller must consent again.
    """
    if answer.is_success:
        return json_object(answer, unavailable)
    if answer.status_code != httpx.codes.BAD_REQUEST:
        raise unavailable(f"the token endpoint answers {answer.status_code}")
    code = str(json_object(answer, unavailable).get("error"))
    if code == "invalid_grant":
        raise GrantRefused
    raise unavailable(
        f"the token endpoint does not accept our request: {code[:LONGEST_CODE_CHARS]}"
    )


def grant_of(
    found: dict[str, Any],
    unavailable: type[ProviderUnavailable],
    *,
    kept_refresh_token: str | None = None,
    may_be_endless: bool = False,
) -> Grant:
    """The tokens of an answer.

    `kept_refresh_token`: what goes on where the provider sends none with a refresh; `may_be_endless`: an
    access token without `expires_in` is good until somebody takes it back.
    """
    access, refresh = found.get("access_token"), found.get("refresh_token") or kept_refresh_token
    seconds = found.get("expires_in")
    is_endless = may_be_endless and seconds is None
    try:
        lives_seconds = None if is_endless else int(seconds or 0)
    except (TypeError, ValueError) as error:
        raise unavailable("the token endpoint tells no number of seconds") from error
    if not (_is_token(access) and _is_token(refresh)):
        raise unavailable("the token endpoint's answer lacks a token")
    if lives_seconds is not None and lives_seconds <= 0:
        raise unavailable("the token endpoint's answer lacks an end")
    return Grant(str(access), str(refresh), lives_seconds)


def _is_token(value: object) -> bool:
    return isinstance(value, str) and bool(value)
