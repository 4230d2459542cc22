"""Every kind of job that is staged has a handler, and every handler a place that stages its kind."""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
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
        # Of the inbox; that of a WebSocket takes nothing.
        case ast.Name("receive") | ast.Attribute(attr="receive") if call.args:
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
    return _returned_keys(service.module("worker"), "handlers")


def _returned_keys(module, function: str) -> set[str]:
    """Of every dictionary that the function returns, and of the functions that it spreads in there."""
    tree = ast.parse(Path(module.__file__).read_text())
    found = [node for node in ast.walk(tree) if getattr(node, "name", None) == function]
    assert found, f"{module.__name__} has no function `{function}`"
    keys = set()
    for one in ast.walk(found[0]):
        if not (isinstance(one, ast.Return) and isinstance(one.value, ast.Dict)):
            continue
        for key, value in zip(one.value.keys, one.value.values, strict=True):
            if key is not None:
                keys.add(_value(key, module))
            else:
                assert isinstance(value, ast.Call), "only calls are spread into handlers"
                spread = getattr(module, value.func.id)
                keys |= _returned_keys(sys.modules[spread.__module__], spread.__name__)
    return keys


def test_every_staged_kind_has_a_handler_and_every_handler_its_kind(service):
    assert handled_kinds(service) == staged_kinds(service)
