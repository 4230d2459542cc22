"""Every kind of job that is staged has a handler, and every handler a place that stages its kind."""

import ast
import importlib
from collections.abc import Iterator
from types import ModuleType


def _modules(service) -> Iterator[tuple[ModuleType, ast.Module]]:
    for path in sorted(service.sources.rglob("*.py")):
        name = ".".join(path.relative_to(service.sources.parent).with_suffix("").parts)
        yield importlib.import_module(name.removesuffix(".__init__")), ast.parse(path.read_text())


def _kind_of(call: ast.Call) -> ast.expr | None:
    """The argument that names the kind: stage(session, kind, ...), receive(kind=), Schedule(kind)."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    match call.func:
        case ast.Name("stage") | ast.Attribute(attr="stage"):
            return named.get("kind") or call.args[1]
        case ast.Name("Schedule") | ast.Attribute(attr="Schedule"):
            return named.get("kind") or call.args[0]
        case ast.Name("receive") | ast.Attribute(attr="receive"):
            return named.get("kind") or ast.Constant("apply_event")
    return None


def _value(node: ast.expr, module: ModuleType) -> str:
    code = compile(ast.Expression(ast.fix_missing_locations(node)), module.__name__, "eval")
    return str(eval(code, vars(module)))  # noqa: S307 (our own constants)


def _loop_values(tree: ast.Module, name: str) -> list[ast.expr]:
    """What a loop variable stands for: `for kind in (ONE, OTHER)`."""
    for node in ast.walk(tree):
        match node:
            case ast.For(target=ast.Name(target), iter=ast.Tuple(elts)) if target == name:
                return elts
    return []


def staged_kinds(service) -> set[str]:
    """Every kind that the service's sources stage."""
    kinds = set()
    for module, tree in _modules(service):
        for node in ast.walk(tree):
            kind = _kind_of(node) if isinstance(node, ast.Call) else None
            if isinstance(kind, ast.Name) and not hasattr(module, kind.id):
                kinds |= {_value(one, module) for one in _loop_values(tree, kind.id)}
            elif kind is not None:
                kinds.add(_value(kind, module))
    return kinds


def handled_kinds(service) -> set[str]:
    """The keys of the dictionary that `worker.handlers` returns."""
    worker = service.module("worker")
    tree = ast.parse((service.sources / "worker.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "handlers":
            returned = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
            assert len(returned) == 1
            assert isinstance(returned[0], ast.Dict)
            return {_value(key, worker) for key in returned[0].keys if key is not None}
    raise AssertionError("worker.py has no function `handlers`")


def test_every_staged_kind_has_a_handler_and_every_handler_its_kind(service):
    assert handled_kinds(service) == staged_kinds(service)
