"""Calls to a service's export and erasure routes; they raise `OpsideError`s."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from opside_chassis.errors import Unavailable
from opside_chassis.http_client import ServiceClient
from opside_chassis.user_data import ErasureHeld, Holding
from opside_contracts import scopes


class UserDataClient:
    """One service as the keeper of users' data."""

    def __init__(self, http: ServiceClient) -> None:
        self._http = http

    async def holding(self, user_id: str) -> Holding:
        """What there is to be exported."""
        return await self._http.request_as(
            Holding, "GET", f"{_of(user_id)}/data", **_reading(user_id)
        )

    async def rows(self, user_id: str, table: str) -> AsyncIterator[dict[str, Any]]:
        """The user's rows of a table.

        Raises `Unavailable`, also after the last row that came, when it was not the last one.
        """
        path, rest, count = f"{_of(user_id)}/data/{table}", b"", 0
        waiting: dict[str, Any] | None = None
        async for part in self._http.read(path, **_reading(user_id)):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                if waiting is not None:
                    count += 1
                    yield waiting
                waiting = json.loads(line)
        if rest or waiting != {"rows": count}:
            raise Unavailable(f"the rows of {table} were cut off")

    def file(self, user_id: str, key: str) -> AsyncIterator[bytes]:
        """The parts of a stored document; raises `NotFound`."""
        return self._http.read(f"{_of(user_id)}/file", query={"key": key}, **_reading(user_id))

    async def held(self, user_id: str) -> list[str]:
        """Why the user cannot be erased now; empty: he can be."""
        answer = await self._http.request_as(
            ErasureHeld, "GET", f"{_of(user_id)}/erasure", **_erasing(user_id)
        )
        return answer.reasons

    async def erase(self, user_id: str) -> None:
        """Erase the user; again is harmless. Raises `Conflict` while it is held."""
        await self._http.request("POST", f"{_of(user_id)}/erase", **_erasing(user_id))


def _of(user_id: str) -> str:
    return f"/internal/users/{quote(user_id, safe='')}"


def _reading(user_id: str) -> dict[str, Any]:
    return {"scope": scopes.READ_USER_DATA, "act_for": user_id}


def _erasing(user_id: str) -> dict[str, Any]:
    return {"scope": scopes.ERASE_USER, "act_for": user_id}
