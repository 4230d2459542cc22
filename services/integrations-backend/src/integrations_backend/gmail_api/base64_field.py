"""Decode the `data` of an attachment's JSON while it arrives, never holding it whole in memory."""

import base64
import binascii
from typing import IO

from integrations_backend.gmail_api.errors import AttachmentTooLarge, GmailUnavailable

_KEY = b'"data"'
_LONGEST_PREFIX = 4096
"""What may stand before the value: a brace, the size, white space."""
_QUARTET = 4


class Base64Field:
    """Feed it the answer's bytes; it writes what the field `data` stands for."""

    def __init__(self, target: IO[bytes], most_bytes: int) -> None:
        self._target = target
        self._left = most_bytes
        self._before = b""
        self._odd = b""
        self._state = "before"

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the answer.

        Raises:
            AttachmentTooLarge: the content is larger than agreed.
            GmailUnavailable: it is no such JSON, or no base64url.
        """
        if self._state == "before":
            self._before += chunk
            chunk = self._begin()
        if self._state == "inside":
            content, quote, _ = chunk.partition(b'"')
            self._decode(content, last=bool(quote))
            if quote:
                self._state = "after"

    def finish(self) -> None:
        """Raises `GmailUnavailable` when the answer broke off."""
        if self._state != "after":
            raise GmailUnavailable("an attachment broke off")

    def _begin(self) -> bytes:
        """What follows the opening quote of the value, once it is there."""
        _, key, rest = self._before.partition(_KEY)
        value = rest.lstrip().removeprefix(b":").lstrip()
        if key and value.startswith(b'"'):
            self._state = "inside"
            return value[1:]
        if len(self._before) > _LONGEST_PREFIX:
            raise GmailUnavailable("an attachment's answer has no data")
        return b""

    def _decode(self, text: bytes, *, last: bool) -> None:
        text = self._odd + text.rstrip(b"=")
        whole = len(text) if last else len(text) - len(text) % _QUARTET
        text, self._odd = text[:whole], text[whole:]
        try:
            data = base64.b64decode(text + b"=" * (-len(text) % _QUARTET), b"-_", validate=True)
        except binascii.Error as error:
            raise GmailUnavailable("an attachment is no base64url") from error
        self._left -= len(data)
        if self._left < 0:
            raise AttachmentTooLarge
        self._target.write(data)
