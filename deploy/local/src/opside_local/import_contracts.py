"""Two kinds of import contract that import-linter does not bring; named in .importlinter."""

import sys
from collections.abc import Iterable

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """These packages import the standard library, themselves and the allowed packages; no others.

    A package that is only installed on a developer's machine would break a service's image.
    """

    type_name = "only"
    packages = fields.ListField(subfield=fields.StringField())
    allowed = fields.SetField(subfield=fields.StringField())
    excepted = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001
        """Every import that leaves the package must lead to something allowed."""
        packages, excepted = _texts(self.packages), _texts(self.excepted)
        allowed = set(_texts(self.allowed)) | set(packages) | set(sys.stdlib_module_names)
        wrong = [
            (module, imported)
            for module in sorted(graph.modules)
            if _inside(module, packages) and not _inside(module, excepted)
            for imported in sorted(graph.find_modules_directly_imported_by(module))
            if not _inside(imported, allowed)
        ]
        return _checked(wrong)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import."""
        _render(check)


class PrivateRoomsContract(Contract):
    """Modules of these names are imported by their own domain only, and by the rooms open to it."""

    type_name = "private_rooms"
    packages = fields.ListField(subfield=fields.StringField())
    rooms = fields.ListField(subfield=fields.StringField())
    also_open_to = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001
        """For `<package>.<domain>.<room>` every importer must be in the domain or open to it."""
        wrong = []
        for module in sorted(graph.modules):
            package, _, rest = module.partition(".")
            parts = rest.split(".")
            if package not in _texts(self.packages) or parts[-1] not in _texts(self.rooms):
                continue
            domain = ".".join([package, *parts[:-1]])
            open_to = [domain, *(f"{package}.{name}" for name in _texts(self.also_open_to))]
            importers = graph.find_modules_that_directly_import(module)
            wrong += [(name, module) for name in sorted(importers) if not _inside(name, open_to)]
        return _checked(wrong)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import."""
        _render(check)


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, Iterable) else []


def _inside(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _checked(wrong: list[tuple[str, str]]) -> ContractCheck:
    return ContractCheck(kept=not wrong, metadata={"imports": wrong})


def _render(check: ContractCheck) -> None:
    for importer, imported in check.metadata["imports"]:
        output.print_error(f"{importer} imports {imported}", bold=False)
