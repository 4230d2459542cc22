"""No table is forgotten when a user asks for his data or wants it erased: each one is declared."""

WHOSE = {"user_id", "tenant"}
"""Columns that say whose a row is."""


def _declared(service):
    return service.module("user_data.declared")


def test_every_table_says_what_it_holds_of_users_and_what_becomes_of_it(service):
    tables = {table.name for table in service.module("tables").metadata.tables.values()}
    declared = [table.name for table in _declared(service).USER_TABLES]
    nobodys = _declared(service).NOBODYS
    assert len(declared) == len(set(declared))
    assert set(declared) | set(nobodys) == tables, "declare it in user_data/declared.py"
    assert set(declared).isdisjoint(nobodys)


def test_a_table_with_users_in_it_is_never_nobodys(service):
    wrong = {
        table.name
        for table in service.module("tables").metadata.tables.values()
        if table.name in _declared(service).NOBODYS and WHOSE & set(table.columns.keys())
    }
    assert wrong == set()


def test_what_is_declared_of_columns_is_there(service):
    for declared in _declared(service).USER_TABLES:
        (table,) = (
            one
            for one in service.module("tables").metadata.tables.values()
            if one.name == declared.name
        )
        named = set(declared.hidden) | set(getattr(declared.erasure, "columns", ()))
        assert named <= set(table.columns.keys()), declared.name
        assert declared.about
        assert getattr(declared.erasure, "because", "it goes")
