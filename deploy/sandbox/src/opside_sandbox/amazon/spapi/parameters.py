"""Query parameters as Amazon reads them."""

from datetime import UTC, datetime

from fastapi import Request

from opside_sandbox.amazon.spapi.errors import invalid_input


def many(request: Request, name: str) -> list[str]:
    """A list given with commas, or by repeating the name."""
    found = [text for value in request.query_params.getlist(name) for text in value.split(",")]
    return [text.strip() for text in found if text.strip()]


def moment(text: str, name: str) -> datetime:
    """An ISO 8601 time; without offset it is UTC. Raises SpApiError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_input(f"{name} is not an ISO 8601 date-time.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def whole(text: str, name: str, *, low: int, high: int) -> int:
    """A whole number within bounds. Raises SpApiError."""
    if not text.isdigit() or not low <= int(text) <= high:
        raise invalid_input(f"{name} must be a number from {low} to {high}.")
    return int(text)
