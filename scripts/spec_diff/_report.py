"""What a comparison found, for a person, for a comment on a pull request and for a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.version import Version

from ._change import Bump, Change, greatest

MARKER = "<!-- spec-diff -->"  # By this, a later run finds the comment to replace.


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two contracts, held against each other.

    Attributes:
        base: What the contract was compared with.
        revision: The contract.
        wire: What changed on the wire.
        python: What changed for Python callers.
        base_version: The package's version there, or None where it is not known.
        version: The package's version now, or None where it is not known.
        left_out: What could not be looked at on the wire, and why; None where all was.
    """

    base: str
    revision: str
    wire: list[Change]
    python: list[Change]
    base_version: Version | None
    version: Version | None
    left_out: str | None

    @property
    def bump(self) -> Bump:
        """What the change is worth: the greater of the two."""
        return greatest([*self.wire, *self.python])

    @property
    def sides(self) -> tuple[tuple[str, str, list[Change]], ...]:
        """The wire and Python: what each is called, how great its change is, and its changes."""
        wire = greatest(self.wire).word + (" in the little that was looked at" if self.left_out else "")
        python = greatest(self.python).word
        return ("On the wire", wire, self.wire), ("For Python callers", python, self.python)

    @property
    def least_version(self) -> Version | None:
        """The least version that may hold the change, or None where the earlier one is not known."""
        return None if self.base_version is None else self.bump.after(self.base_version)

    @property
    def version_is_too_small(self) -> bool:
        """Whether the package's version does not tell of the change."""
        return self.version is not None and self.least_version is not None and self.version < self.least_version


def changelog(comparison: Comparison) -> str:
    """An entry for CHANGELOG.md, as Keep a Changelog has them; empty where users notice nothing."""
    noticed = [change for change in (*comparison.wire, *comparison.python) if change.bump > Bump.PATCH]
    sections: list[str] = []
    for kind in ("Added", "Changed", "Removed"):
        lines = [f"- {_breaking(change)}{change.text}" for change in noticed if change.kind == kind]
        if lines:
            sections.append("\n".join([f"### {kind}", "", *lines]))
    return "\n\n".join(sections)


def _breaking(change: Change) -> str:
    return "**Breaking:** " if change.bump is Bump.MAJOR else ""


def verdict(comparison: Comparison) -> str:
    """One sentence about the version."""
    least, version = comparison.least_version, comparison.version
    if comparison.bump is Bump.NONE:
        return "Nothing changed, so the version may stay."
    if least is None or version is None:
        return f"The change is {_a(comparison.bump)}; there is no earlier version to count from."
    state = "is too small: raise it" if comparison.version_is_too_small else "is large enough"
    change = f"{_a(comparison.bump)} since {comparison.base_version}"
    return f"The change is {change}, so the version is {least} at least; {version} in pyproject.toml {state}."


def _a(bump: Bump) -> str:
    return {Bump.PATCH: "none of behaviour", Bump.MINOR: "a compatible addition"}.get(bump, bump.word)


def text(comparison: Comparison) -> str:
    """For a terminal."""
    lines = [f"{comparison.revision} against {comparison.base}", ""]
    for title, word, changes in comparison.sides:
        lines.append(f"{title}: {word}")
        lines += [f"  {change.bump.name.lower():5}  {change.text}  [{change.place}]" for change in _sorted(changes)]
        lines.append("")
    if comparison.left_out:
        lines += [f"Left out: {comparison.left_out}", ""]
    lines.append(verdict(comparison))
    entry = changelog(comparison)
    if entry:
        lines += ["", "For CHANGELOG.md:", "", entry]
    return "\n".join(lines) + "\n"


def markdown(comparison: Comparison) -> str:
    """For a comment on a pull request."""
    lines = [MARKER, f"## What this change of `{comparison.revision}` does", "", verdict(comparison), ""]
    for title, word, changes in comparison.sides:
        lines += [f"**{title}:** {word}", ""]
        lines += [f"- {_breaking(change)}{change.text} <sub>{change.place}</sub>" for change in _sorted(changes)]
        lines += [""] if changes else []
    if comparison.left_out:
        lines += [f"> Left out: {comparison.left_out}", ""]
    entry = changelog(comparison)
    if entry:
        lines += ["<details><summary>For CHANGELOG.md</summary>", "", "```markdown", entry, "```", "", "</details>", ""]
    return "\n".join([*lines, f"Compared with {comparison.base}.", ""])


def as_json(comparison: Comparison) -> str:
    """For a program."""
    return json.dumps(
        {
            "base": comparison.base,
            "revision": comparison.revision,
            "bump": comparison.bump.name.lower(),
            "baseVersion": _string(comparison.base_version),
            "version": _string(comparison.version),
            "leastVersion": _string(comparison.least_version),
            "versionIsTooSmall": comparison.version_is_too_small,
            "leftOut": comparison.left_out,
            "changelog": changelog(comparison),
            "wire": _entries(comparison.wire),
            "python": _entries(comparison.python),
        },
        indent=2,
    )


def _entries(changes: Sequence[Change]) -> list[dict[str, str]]:
    return [
        {"bump": each.bump.name.lower(), "kind": each.kind.lower(), "text": each.text, "place": each.place}
        for each in _sorted(changes)
    ]


def _sorted(changes: Sequence[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: -change.bump)


def _string(version: Version | None) -> str | None:
    return None if version is None else str(version)
