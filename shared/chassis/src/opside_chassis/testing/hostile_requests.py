"""Requests that no honest client sends: whatever they are answered, it is never a 500.

As bytes, for a server on a real socket: HTTP libraries refuse to send most of them.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10.0
_DIGITS = 5_000
_DEEP = 100_000


def request(
    target: bytes,
    *headers: bytes,
    method: bytes = b"POST",
    body: bytes = b"",
    length: bytes | None = None,
) -> bytes:
    """The bytes of one request; its Content-Length is the body's unless `length` says otherwise."""
    own = b"Content-Length: " + (str(len(body)).encode() if length is None else length)
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: here.test", b"Connection: close", own]
    return b"\r\n".join([*lines, *headers, b"", b""]) + body


def hostile_requests(path: str, *, is_json: bool = True) -> Mapping[str, bytes]:
    """By name, to a path that takes JSON by POST (or anything, which is then not read)."""
    target = path.encode()
    json = b"Content-Type: application/json"
    lengths = {
        "length of 5,000 digits": b"9" * _DIGITS,
        "length of 5,000 zeros": b"0" * _DIGITS,
        "negative length": b"-1",
        "length with a plus": b"+5",
        "length with an underscore": b"1_0",
        "length in hexadecimal": b"0x10",
        "length with a point": b"1.0",
        "empty length": b"",
        "length in other digits": "٣".encode(),
        "two lengths in one": b"2, 3",
    }
    found = {
        name: request(target, json, body=b"{}", length=value) for name, value in lengths.items()
    }
    found |= {
        "two lengths": request(target, b"Content-Length: 7", json, body=b"{}"),
        "length and chunks": request(target, b"Transfer-Encoding: chunked", json, body=b"{}"),
        "chunk of no size": request(
            target, b"Transfer-Encoding: chunked", json, body=b"zz\r\n", length=b"0"
        ),
        "3,000 headers": request(
            target, json, *(b"X-%d: y" % number for number in range(3_000)), body=b"{}"
        ),
        "header of 200 kB": request(target, json, b"X-Long: " + b"y" * 200_000, body=b"{}"),
        "header that is not ASCII": request(target, json, b"X-Name: \xff\xfe\x80", body=b"{}"),
        "type that is not ASCII": request(target, b"Content-Type: \xff/\xfe", body=b"{}"),
        "charset that is unknown": request(target, json + b"; charset=\xff\xff", body=b"{}"),
        "token that is not ASCII": request(target, json, b"Authorization: Bearer \xe9.\xe9.\xe9"),
        "token of dots": request(target, json, b"Authorization: Bearer ..", body=b"{}"),
        "token of 100 kB": request(target, json, b"Authorization: Bearer " + b"a" * 100_000),
        "cookie that is not ASCII": request(target, json, b"Cookie: a=\xff; =; ;;\xe9", body=b"{}"),
        "key that is not ASCII": request(target, json, b"Idempotency-Key: \xff", body=b"{}"),
        "origin that is no address": request(target, json, b"Origin: http://[::1", body=b"{}"),
        "forwarded nonsense": request(
            target, json, b"X-Forwarded-For: \xff, ,::1%eth0", body=b"{}"
        ),
        "request id nonsense": request(target, json, b"X-Request-ID: \xff\xfe", body=b"{}"),
        "trace nonsense": request(target, json, b"traceparent: 00-zz-\xff-01", body=b"{}"),
        "host that is no address": request(target, json, b"Host: [::1", body=b"{}"),
    }
    return found | _addresses(target) | (_bodies(target, json) if is_json else {})


def _addresses(target: bytes) -> dict[str, bytes]:
    ends = {
        "broken escape": b"/%zz",
        "half an escape": b"/%",
        "escape of no UTF-8": b"/%ff%fe",
        "escaped NUL": b"/%00",
        "escaped line break": b"/%0d%0aSet-Cookie:x",
        "escaped surrogate": b"/%ed%a0%80",
        "address that is not ASCII": "/é".encode(),
        "dots": b"/../../../etc/passwd",
        "escaped dots": b"/%2e%2e%2f",
        "long address": b"/" + b"a" * 50_000,
        "broken escape in a query": b"?a=%zz&%=%",
        "NUL in a query": b"?a=%00",
        "query of no UTF-8": b"?a=%ff&limit=%ff&cursor=%ff",
        "query that is not ASCII": b"?a=\xff\xfe",
        "10,000 parameters": b"?" + b"a=1&" * 10_000,
        "number of 5,000 digits": b"?limit=" + b"9" * _DIGITS + b"&cursor=" + b"9" * _DIGITS,
        "number that is none": b"?limit=NaN&offset=1e999&cursor=%7B%22",
    }
    found = {}
    for name, end in ends.items():
        for method in (b"GET", b"POST"):
            found[f"{name}, {method.decode()}"] = request(target + end, method=method)
    return found | {
        "method that is none": request(target, method=b"GETT"),
        "method that is long": request(target, method=b"A" * 5_000),
        "whole address": request(b"http://there.test" + target, method=b"GET"),
        "no address": request(b"*", method=b"OPTIONS"),
    }


def _bodies(target: bytes, json: bytes) -> dict[str, bytes]:
    bodies = {
        "lone surrogate": rb'{"a": "\ud800"}',
        "lone surrogate in a name": rb'{"\udfff": 1}',
        "NUL in a text": rb'{"a": "\u0000"}',
        "number beyond a float": b'{"a": 1e999}',
        "number of 5,000 digits": b'{"a": ' + b"9" * _DIGITS + b"}",
        "exponent of 5,000 digits": b'{"a": 1e' + b"9" * _DIGITS + b"}",
        "NaN": b'{"a": NaN}',
        "minus infinity": b'{"a": -Infinity}',
        "deep arrays": b"[" * _DEEP + b"]" * _DEEP,
        "deep objects": b'{"a":' * _DEEP + b"1" + b"}" * _DEEP,
        "deep and not closed": b"[" * _DEEP,
        "not UTF-8": b'{"a": "\xff"}',
        "another UTF": '{"a": 1}'.encode("utf-16"),
        "byte order mark": b'\xef\xbb\xbf{"a": 1}',
        "a name twice": b'{"a": 1, "a": 2}',
        "half a document": b'{"a": ',
        "nothing": b"",
        "a number alone": b"7",
        "null alone": b"null",
        "a text alone": b'"a"',
        "bytes": bytes(range(256)),
    }
    return {name: request(target, json, body=body) for name, body in bodies.items()}


async def status_of(url: str, sent: bytes) -> int:
    """The status that a server answers to these bytes; 0 when it hangs up or waits for more."""
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(sent)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            head = await reader.readline()
    except (OSError, TimeoutError):
        return 0
    finally:
        writer.close()
    return int(head.split(b" ")[1]) if head else 0
