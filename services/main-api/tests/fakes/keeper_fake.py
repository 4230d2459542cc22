"""A neighbour's side of export and erasure over HTTP, as `opside_chassis.user_data_routes` serves it."""

import json
from dataclasses import dataclass, field
from typing import Any

from fakes.payments_fake import problem
from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from opside_chassis.keyring import KeyRing
from opside_chassis.service_token import ServiceTokenVerifier


@dataclass
class FakeKeeper:
    """`rows` by table and `documents` by key are of whoever is asked about. `away` is answered first."""

    ring: KeyRing
    service: str
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    refusals: list[Response] = field(default_factory=list)
    """Answers to the next orders to erase, before one is obeyed."""
    away: list[Response] = field(default_factory=list)
    cut: bool = False
    """Streams of rows end too early."""
    erased: list[str] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        if not request.url.path.startswith("/internal/users/"):
            # To the question of a sign-in whether the seller must still connect his account.
            return JSONResponse({"alreadyConnected": True, "consentUrl": None})
        token = request.headers["authorization"].removeprefix("Bearer ")
        identity = ServiceTokenVerifier(self.ring, self.service).verify(token)
        _, _, _, user_id, *rest = request.url.path.split("/")
        assert (identity.service, identity.act_for) == ("main-api", user_id)
        erasing = rest[0] in ("erase", "erasure")
        assert identity.scopes == {"users:erase" if erasing else "users:read-data"}
        if self.away:
            return self.away.pop(0)
        match rest:
            case ["data"]:
                return JSONResponse(self._holding())
            case ["data", table]:
                lines = [*self.rows[table], {"rows": len(self.rows[table])}]
                kept = lines[:-1] if self.cut else lines
                return Response("".join(f"{json.dumps(line)}\n" for line in kept))
            case ["file"]:
                return Response(self.documents[request.query_params["key"]])
            case ["erasure"]:
                return JSONResponse({"reasons": self.held})
        if self.refusals:
            return self.refusals.pop(0)
        self.erased.append(user_id)
        return Response(status_code=204)

    def _holding(self) -> dict[str, Any]:
        return {
            "tables": [
                {
                    "name": name,
                    "about": f"about {name}",
                    "columns": list(rows[0]) if rows else ["id"],
                }
                for name, rows in self.rows.items()
            ],
            "files": [
                {"key": key, "sizeBytes": len(content)} for key, content in self.documents.items()
            ],
        }


def held(detail: str = "wait") -> Response:
    """As a service refuses to erase now."""
    return problem(409, detail)
