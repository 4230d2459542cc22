"""Holds a recording of the sandbox (SANDBOX_RECORD) against the providers' own contracts.

    python validate_recording.py <folder>

Every request has to keep to its contract, whatever its answer was: whoever sent it is a client of
the real provider. Its answer is validated too, unless a planned fault has spoilt it (cut off, or no
JSON). Prints what was covered and each failure; exits 1 on any.
"""
# ruff: noqa: T201 - it is a command, its words are its result

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from amazon_contract import AmazonContract
from gmail_contract import GmailContract
from stripe_contract import Contract
from stripe_contract_source import load

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
Line = dict[str, Any]


@dataclass
class Judge:
    """A provider's contract, and what it has said of a recording."""

    contract: Any
    body_type: str
    request: Callable[[Line], None]
    exchange: Callable[[Line], None]
    requests: int = 0
    answers: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def hear(self, line: Line) -> None:
        """The request; then, if it is right, the answer."""
        if "body" in line["cut"]:
            self.left_out["requests not whole"] += 1
            return
        self.requests += 1
        if not self._is_right(line, self._request):
            return
        if (reason := _spoilt(line)) is not None:
            self.left_out[reason] += 1
            return
        self.answers += 1
        self._is_right(line, self.exchange)

    def _request(self, line: Line) -> None:
        sent_as = line["contentType"]
        assert not line["body"] or sent_as == self.body_type, f"body sent as {sent_as or 'nothing'}"
        self.request(line)

    def _is_right(self, line: Line, validate: Callable[[Line], None]) -> bool:
        known = len(self.contract.failures)
        try:
            validate(line)
        except (AssertionError, ValueError) as error:
            said = self.contract.failures[known:] or [str(error)]
            where = f"{line['method']} {line['path']} ({line['status'] or 'no answer'})"
            self.failures += [f"{where}: {one}" for one in said]
            return False
        return True

    def summary(self) -> str:
        left_out = ", ".join(f"{count} {reason}" for reason, count in self.left_out.items())
        return (
            f"{len(self.contract.operations)} operations, {self.requests} requests and "
            f"{self.answers} answers validated, {len(self.failures)} failures"
            + (f"; left out: {left_out}" if left_out else "")
        )


def _spoilt(line: Line) -> str | None:
    """Why an answer is not the provider's own."""
    if line["status"] is None:
        return "never answered"
    if "answer" in line["cut"]:
        return "answers not whole"
    return None if line["answerType"] in {"", JSON} else f"answers as {line['answerType']}"


def stripe() -> Judge:
    contract = Contract(load())

    def exchange(line: Line) -> None:
        asked = line["method"], _url(line), line["body"]
        # A browser, which has the object's secret and no secret key, is shown less of the object.
        whole = "client_secret=" not in f"{line['query']}&{line['body']}"
        contract.exchange(*asked, line["status"], json.loads(line["answer"]), whole=whole)

    def request(line: Line) -> None:
        contract.request(line["method"], _url(line), line["body"])

    return Judge(contract, FORM, request, exchange)


def amazon() -> Judge:
    contract = AmazonContract()

    def exchange(line: Line) -> None:
        contract.exchange(line["method"], _response(line))

    return Judge(contract, JSON, lambda line: contract.request(_request(line)), exchange)


def gmail() -> Judge:
    contract = GmailContract()

    def exchange(line: Line) -> None:
        contract.exchange(_response(line))

    return Judge(contract, JSON, lambda line: contract.request(_request(line)), exchange)


PROVIDERS = {"stripe": stripe, "amazon": amazon, "gmail": gmail}


def _url(line: Line) -> str:
    query = f"?{line['query']}" if line["query"] else ""
    return f"http://sandbox{quote(line['path'])}{query}"


def _request(line: Line) -> httpx.Request:
    return httpx.Request(line["method"], _url(line), content=line["body"].encode())


def _response(line: Line) -> httpx.Response:
    return httpx.Response(line["status"], text=line["answer"], request=_request(line))


def _lines(file: Path) -> Iterator[Line]:
    with file.open(encoding="utf-8") as text:
        yield from map(json.loads, text)


def validate(name: str, file: Path) -> bool:
    """Print what one provider's recording came to; whether all of it is right."""
    judge = PROVIDERS[name]()
    if not judge.contract.present:
        count = sum(1 for _ in _lines(file))
        print(f"{name}: the contract is absent, {count} exchanges were not validated")
        return True
    for line in _lines(file):
        judge.hear(line)
    print(f"{name}: {judge.summary()}")
    for operation, count in sorted(judge.contract.operations.items()):
        print(f"  {operation}: {count}")
    for failure in judge.failures:
        print(f"  FAILED {failure}")
    return not judge.failures


def main(folder: Path) -> int:
    """The exit code; 1 where anything is wrong, or nothing was recorded at all."""
    files = {name: folder / f"{name}.jsonl" for name in PROVIDERS}
    for name, file in files.items():
        if not file.exists():
            print(f"{name}: nothing was recorded")
    right = [validate(name, file) for name, file in files.items() if file.exists()]
    return 0 if right and all(right) else 1


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python validate_recording.py <folder of a recording>")
    sys.exit(main(Path(sys.argv[1])))
