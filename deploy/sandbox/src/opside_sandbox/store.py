"""JSON documents in one SQLite file: all that the sandboxes know.

A document is addressed by (collection, id) and remembers the order in which it was first put.
The file is in WAL mode: what a finished call wrote survives `kill -9` of the process. Calls are
short and synchronous, so a request handler that never awaits between two calls is atomic with
respect to every other request; `transaction()` makes it atomic with respect to crashes as well.
"""

import json
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]
Scalar = str | int | float | None
Snapshot = dict[str, list[tuple[str, Document]]]

_FIELD = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_SCANNED_AT_ONCE = 50
_TABLE = """
create table if not exists documents (
    position integer primary key autoincrement,
    collection text not null,
    id text not null,
    body text not null,
    unique (collection, id)
)"""


class Store:
    """Documents on SQLite; `path` None keeps them in memory only."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(
            ":memory:" if path is None else str(path), isolation_level=None, check_same_thread=False
        )
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute("pragma busy_timeout = 5000")
        self._connection.execute(_TABLE)
        self._connection.execute(
            "create index if not exists documents_order on documents (collection, position)"
        )

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner transaction belongs to the outer one.

        Never await inside: another request would write into your transaction.
        """
        with self._lock:
            if self._depth == 0:
                self._connection.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("rollback")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("commit")

    def put(self, collection: str, document_id: str, body: Document) -> Document:
        """Write a whole document; a known id keeps its place in the order."""
        with self._lock:
            self._connection.execute(
                "insert into documents (collection, id, body) values (?, ?, ?)"
                " on conflict (collection, id) do update set body = excluded.body",
                (collection, document_id, json.dumps(body, separators=(",", ":"))),
            )
        return body

    def get(self, collection: str, document_id: str) -> Document | None:
        """The document, or None. What you get is a copy: put it back to keep a change."""
        with self._lock:
            row = self._connection.execute(
                "select body from documents where collection = ? and id = ?",
                (collection, document_id),
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def list(
        self,
        collection: str,
        *,
        newest_first: bool = False,
        limit: int | None = None,
        where: Mapping[str, Scalar] | None = None,
        **equal: Scalar,
    ) -> list[Document]:
        """Documents in the order of their first put; `equal` and `where` compare fields.

        A dotted path is given with double underscores: `metadata__order_id="7"`.
        """
        conditions, values = _conditions({**(where or {}), **equal})
        order = "desc" if newest_first else "asc"
        # Field names are checked, values are bound.
        sql = (
            f"select body from documents where collection = ?{conditions}"  # noqa: S608
            f" order by position {order}"
        )
        if limit is not None:
            sql += f" limit {int(limit)}"
        with self._lock:
            rows = self._connection.execute(sql, (collection, *values)).fetchall()
        return [json.loads(row[0]) for row in rows]

    def scan(
        self, collection: str, *, where: Mapping[str, Scalar] | None = None
    ) -> Iterator[Document]:
        """Newest first, read in small parts: stop when you have what you need."""
        conditions, values = _conditions(where or {})
        sql = (
            "select position, body from documents where collection = ? and position < ?"  # noqa: S608
            f"{conditions} order by position desc limit {_SCANNED_AT_ONCE}"
        )
        below = 2**62
        while True:
            with self._lock:
                rows = self._connection.execute(sql, (collection, below, *values)).fetchall()
            for position, body in rows:
                below = position
                yield json.loads(body)
            if len(rows) < _SCANNED_AT_ONCE:
                return

    def find(self, collection: str, **equal: Scalar) -> Document | None:
        """The newest document whose fields equal these, or None."""
        found = self.list(collection, newest_first=True, limit=1, where=equal)
        return found[0] if found else None

    def count(self, collection: str) -> int:
        """How many documents the collection holds."""
        with self._lock:
            row = self._connection.execute(
                "select count(*) from documents where collection = ?", (collection,)
            ).fetchone()
        return int(row[0])

    def delete(self, collection: str, document_id: str) -> bool:
        """Remove one document; False when there was none."""
        with self._lock:
            done = self._connection.execute(
                "delete from documents where collection = ? and id = ?", (collection, document_id)
            )
        return done.rowcount > 0

    def index(self, field: str) -> None:
        """Make `list`/`find` by this field fast, in every collection. Safe to repeat."""
        path = _json_path(field)
        name = re.sub(r"[^a-z0-9]+", "_", f"documents_by_{field}".lower())
        with self._lock:
            self._connection.execute(
                f"create index if not exists {name}"
                f" on documents (collection, json_extract(body, '{path}'))"
            )

    def next_number(self, name: str) -> int:
        """1, 2, 3, … for each name, kept in the file: ids made from it never repeat."""
        with self.transaction():
            known = self.get("sequence", name) or {"value": 0}
            value = int(known["value"]) + 1
            self.put("sequence", name, {"value": value})
        return value

    def snapshot(self) -> Snapshot:
        """Everything, by collection, in order."""
        with self._lock:
            rows = self._connection.execute(
                "select collection, id, body from documents order by position"
            ).fetchall()
        everything: Snapshot = {}
        for collection, document_id, body in rows:
            everything.setdefault(collection, []).append((document_id, json.loads(body)))
        return everything

    def reset(self, snapshot: Snapshot | None = None) -> None:
        """Forget everything, or go back to a snapshot."""
        with self.transaction():
            self._connection.execute("delete from documents")
            for collection, documents in (snapshot or {}).items():
                for document_id, body in documents:
                    self.put(collection, document_id, body)


def _json_path(field: str) -> str:
    path = field.replace("__", ".")
    if not _FIELD.match(path):
        raise ValueError(f"{field!r} is not a field name")
    return f"$.{path}"


def _conditions(equal: Mapping[str, Scalar]) -> tuple[str, list[Any]]:
    """SQL for field comparisons: the paths are checked names, the values stay parameters."""
    sql, values = "", []
    for field, value in equal.items():
        extract = f"json_extract(body, '{_json_path(field)}')"
        if value is None:
            sql += f" and {extract} is null"
        else:
            sql += f" and {extract} = ?"
            values.append(int(value) if isinstance(value, bool) else value)
    return sql, values
