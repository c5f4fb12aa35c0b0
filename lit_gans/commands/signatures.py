"""Options of a class, parsed from its source: importing torch and Lightning for a help text takes seconds."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

# The one base outside of a class's own package whose options are the class's too.
TRAINER = ("lightning.pytorch.trainer.trainer", "Trainer")
ENTRY = re.compile(r"    ((?:\w+, )*\w+)(?: \([^)]*\))?: ?(.*)")


class Source(NamedTuple):
    """A class in the file of its module."""

    module: str
    node: ast.ClassDef

    @property
    def init(self) -> ast.FunctionDef | None:
        functions = (part for part in self.node.body if isinstance(part, ast.FunctionDef))
        return next((part for part in functions if part.name == "__init__"), None)


def options_of(path: str) -> Iterator[tuple[str, Any, str]]:
    """Name, default and what the docstrings say of each argument of "module.Class" that a user can give: its own, and
    those of its bases that its `**kwargs` go to. A default that is no plain value is its source text.

    Raises:
        LookupError: no such class.
    """
    order = [vars(one)["source"] for one in mirrored(*resolved(*path.rsplit(".", 1))).__mro__ if "source" in vars(one)]
    # an entry of its own tells more than one that an argument shares with others
    told = [texts(source, several) for several in (False, True) for source in order]
    taken: set[str] = set()
    places = 0
    for source in order:
        if (init := source.init) is None:
            continue
        own = arguments(init)
        for name, default in own[places:]:
            if name not in taken:
                text = next((found[name] for found in told if name in found), "")
                yield name, None if default is None else value(default, source.module), text
        call = call_of_base(init)
        if init.args.kwarg is None or call is None:
            return
        taken |= {name for name, _ in own} | {keyword.arg for keyword in call.keywords if keyword.arg}
        places = len([one for one in call.args if not isinstance(one, ast.Starred)])


def arguments(init: ast.FunctionDef) -> list[tuple[str, ast.expr | None]]:
    """Names, without self, and defaults; None for an argument that has to be given."""
    args = init.args
    plain = [*args.posonlyargs, *args.args][1:]
    defaults = [*[None] * (len(plain) - len(args.defaults)), *args.defaults]
    keywords = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return [(arg.arg, default) for arg, default in (*zip(plain, defaults, strict=True), *keywords)]


def call_of_base(init: ast.FunctionDef) -> ast.Call | None:
    """`super().__init__(..., **kwargs)`, where it is called so."""
    for node in ast.walk(init):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            return node if any(keyword.arg is None for keyword in node.keywords) else None
    return None


def texts(source: Source, several: bool) -> dict[str, str]:
    """Argument -> its docstring entry; entries of one argument, or with `several` those shared by more."""
    found: dict[str, str] = {}
    for node in (source.node, source.init):
        _, _, section = (ast.get_docstring(node) or "" if node else "").partition("Args:\n")
        names: list[str] = []
        for line in section.splitlines():
            if line and not line.startswith("    "):
                break
            if entry := ENTRY.fullmatch(line):
                names = entry.group(1).split(", ") if (", " in entry.group(1)) == several else []
                found |= dict.fromkeys(names, entry.group(2))
            else:
                found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def value(node: ast.expr, module: str) -> Any:
    """Value of an expression in a module's source, where it consists of literals and names of constants."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        pass
    if isinstance(node, ast.Tuple | ast.List):
        return [value(part, module) for part in node.elts]
    if isinstance(node, ast.Name):
        where, name = resolved(module, node.id)
        for part in tree_of(where).body:
            if isinstance(part, ast.Assign | ast.AnnAssign) and part.value is not None:
                targets = part.targets if isinstance(part, ast.Assign) else [part.target]
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    return value(part.value, where)
    return ast.unparse(node)


@cache
def mirrored(module: str, name: str) -> type:
    """Empty class with the same bases as the named one: Python computes its method resolution order."""
    for node in tree_of(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            known = [base_of(base, module) for base in node.bases]
            own = [base for base in known if base == TRAINER or base[0].split(".")[0] == module.split(".")[0]]
            return type(name, tuple(mirrored(*base) for base in own), {"source": Source(module, node)})
    raise LookupError(f"{module} has no class {name}")


def base_of(base: ast.expr, module: str) -> tuple[str, str]:
    if isinstance(base, ast.Name):
        return resolved(module, base.id)
    if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name):  # L.Trainer
        return resolved(resolved(module, base.value.id)[0], base.attr)
    return "", ""


def resolved(module: str, name: str) -> tuple[str, str]:
    """The module in which a name of this one is defined, and its name there; a module's own name is empty."""
    for node in tree_of(module).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for alias in node.names:
            if (alias.asname or alias.name) != name:
                continue
            if isinstance(node, ast.Import):
                return alias.name, ""
            there = node.module or ""
            return resolved(there, alias.name) if file_of(there) is not None else (there, alias.name)
    return module, name


@cache
def tree_of(module: str) -> ast.Module:
    """Raises LookupError: no such module."""
    file = file_of(module)
    if file is None:
        raise LookupError(f"no module {module}")
    return ast.parse(file.read_text(encoding="utf-8"))


def file_of(module: str) -> Path | None:
    """The source file of a module, which is not imported, nor are the packages around it."""
    top, *inner = module.split(".")
    spec = find_spec(top) if top else None
    if spec is None or spec.origin is None:
        return None
    if not inner:
        return Path(spec.origin) if spec.origin.endswith(".py") else None
    place = Path(spec.origin).parent.joinpath(*inner)
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)
