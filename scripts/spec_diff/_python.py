"""What changed for Python callers: the two generated clients, held against each other by griffe."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import griffe

from generator._project import PACKAGE, generate
from spacely_spec import Spec

from ._change import Bump, Change


def python_changes(base: Spec, revision: Spec) -> list[Change]:
    """What a user of the generated client sees of a change; both clients are made by the generator of today.

    Raises:
        SpecError: A contract cannot be generated from.
        GenerationError: The generator failed.
    """
    with TemporaryDirectory(prefix="spec-diff-") as folder:
        before, after = Path(folder) / "before", Path(folder) / "after"
        old_client, new_client = _client(base, before), _client(revision, after)
        old, new = _surface(old_client), _surface(new_client)
        broken = _breakages(old_client, new_client, old.keys() | new.keys())
        changes = [*broken.values(), *_types(old, new, known=broken.keys()), *_additions(old, new)]
        if not changes and _sources(base, before) != _sources(revision, after):
            changes.append(Change(Bump.PATCH, "Changed", "Texts or behaviour behind the same names.", PACKAGE))
        return changes


def _client(spec: Spec, folder: Path) -> griffe.Module:
    folder.mkdir()
    generate(spec, folder / PACKAGE)
    # The runtime it stands on is the same on both sides, so names that come from there stay unresolved.
    package = griffe.load(PACKAGE, search_paths=[folder], try_relative_path=False, resolve_aliases=False)
    assert isinstance(package, griffe.Module)
    return package


def _sources(spec: Spec, folder: Path) -> dict[Path, str]:
    # Each file's first line names the contract's file, which says nothing of what is in it.
    read = ((path, path.read_text().replace(spec.path.name, "")) for path in sorted((folder / PACKAGE).rglob("*.py")))
    return {path.relative_to(folder): text for path, text in read}


def _surface(package: griffe.Module) -> dict[str, griffe.Object]:
    """What callers may name: all that the package and its public modules export, by canonical path, and the members."""
    found: dict[str, griffe.Object] = {}
    for module in (package, *(each for each in package.modules.values() if each.is_public)):
        for name in module.exports or ():
            member = module.members.get(str(name))
            target = member.target_path if isinstance(member, griffe.Alias) else f"{module.path}.{name}"
            if target.startswith(f"{PACKAGE}."):
                thing = package[target.removeprefix(f"{PACKAGE}.")]
                if isinstance(thing, griffe.Object) and not thing.is_module:
                    found[thing.path] = thing
                    found.update((each.path, each) for each in _members(thing))
    return found


def _members(thing: griffe.Object) -> Iterator[griffe.Object]:
    for name, member in thing.members.items():
        if isinstance(member, griffe.Object) and not name.startswith("_"):
            yield member


def _breakages(base: griffe.Module, revision: griffe.Module, surface: Container[str]) -> dict[str, Change]:
    """What griffe finds, by the name it is about: what two modules export is told once."""
    said: dict[str, Change] = {}
    for breakage in griffe.find_breaking_changes(base, revision):
        if breakage.obj.canonical_path in surface:
            # The library has its texts for terminals, Markdown and CI; this is the one without a temporary path in it.
            name, _, what = breakage.explain(griffe.ExplanationStyle.MARKDOWN).removeprefix("- ").partition(": ")
            gone = breakage.kind in {griffe.BreakageKind.OBJECT_REMOVED, griffe.BreakageKind.PARAMETER_REMOVED}
            text = f"{name}: {what.replace('*', '')[0].lower()}{what.replace('*', '')[1:]}."
            change = Change(Bump.MAJOR, "Removed" if gone else "Changed", text, _place(breakage.obj.canonical_path))
            said.setdefault(name.strip("`"), change)
    return said


def _types(
    old: Mapping[str, griffe.Object], new: Mapping[str, griffe.Object], known: Container[str]
) -> Iterator[Change]:
    """Types that changed, which griffe leaves aside: what is passed may widen, what is received may narrow."""
    for path in sorted(old.keys() & new.keys()):
        was, now = old[path], new[path]
        if isinstance(was, griffe.Function) and isinstance(now, griffe.Function):
            yield from _type_change(f"{_name(now)}()", was.returns, now.returns, path, passed=False)
            for parameter in was.parameters:
                name = f"{_name(now)}({parameter.name})"
                if parameter.name in now.parameters and name not in known:
                    types = parameter.annotation, now.parameters[parameter.name].annotation
                    yield from _type_change(name, *types, path, passed=True)
        elif isinstance(was, griffe.Attribute) and isinstance(now, griffe.Attribute):
            yield from _type_change(_name(now), was.annotation, now.annotation, path, passed=False)


def _type_change(
    name: str, was: griffe.Expr | str | None, now: griffe.Expr | str | None, path: str, *, passed: bool
) -> Iterator[Change]:
    if str(was) == str(now):
        return
    least, most = (was, now) if passed else (now, was)
    bump = Bump.MINOR if _alternatives(least) <= _alternatives(most) else Bump.MAJOR
    yield Change(bump, "Changed", f"`{name}`: its type was `{was}` and is `{now}`.", _place(path))


def _alternatives(annotation: griffe.Expr | str | None) -> set[str]:
    """The members of a union, those of a Literal one by one."""

    def parts(node: ast.expr) -> Iterator[str]:
        match node:
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                yield from parts(left)
                yield from parts(right)
            case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=values)):
                yield from (ast.unparse(value) for value in values)
            case ast.Subscript(value=ast.Name(id="Literal"), slice=value):
                yield ast.unparse(value)
            case _:
                yield ast.unparse(node)

    return set(parts(ast.parse(str(annotation), mode="eval").body))


def _additions(old: Mapping[str, griffe.Object], new: Mapping[str, griffe.Object]) -> Iterator[Change]:
    fresh = new.keys() - old.keys()
    for path in sorted(fresh):
        if path.rpartition(".")[0] not in fresh:  # The members of a new class go without saying.
            yield Change(Bump.MINOR, "Added", f"`{_name(new[path])}` is new.", _place(path))
    for path in sorted(old.keys() & new.keys()):
        was, now = old[path], new[path]
        if isinstance(was, griffe.Function) and isinstance(now, griffe.Function):
            for parameter in now.parameters:
                if parameter.name not in was.parameters and not parameter.required:
                    text = f"`{_name(now)}` takes `{parameter.name}`."
                    yield Change(Bump.MINOR, "Added", text, _place(path))


def _name(thing: griffe.Object) -> str:
    return thing.path.removeprefix(f"{thing.module.path}.")


def _place(path: str) -> str:
    return path.removeprefix(f"{PACKAGE}.")
