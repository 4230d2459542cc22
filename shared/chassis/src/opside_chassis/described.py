"""What a route's description says of answers that are not JSON; FastAPI cannot know it."""

from typing import Any


def answers_file(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that answers a file of one of these kinds."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"content": dict.fromkeys(media_types, binary)}}
