"""The report of a batch as one HTML page that needs nothing else but the images beside it."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from html import escape
from typing import Any, Final
from urllib.parse import quote

_STYLE: Final = """
:root { color-scheme: light dark; --paper: #f6f6f4; --card: #fff; --ink: #1c1c1a; --soft: #6b6b66; --line: #e1e0db;
  --good: #1a7f4b; --bad: #b3261e; --doubt: #a15c00; --wait: #2c5f9e; }
@media (prefers-color-scheme: dark) { :root { --paper: #161614; --card: #20201e; --ink: #ecebe6; --soft: #9c9b94;
  --line: #363531; --good: #5cc78f; --bad: #f2837b; --doubt: #e6ad5c; --wait: #86b5ec; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1500px; padding: 28px 24px 60px; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
h1 { font-size: 22px; margin: 0 0 2px; }
h2 { font-size: 16px; margin: 34px 0 12px; }
.soft { color: var(--soft); }
.figures { display: flex; flex-wrap: wrap; gap: 10px; margin: 18px 0 0; padding: 0; list-style: none; }
.figures li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 8px 14px;
  min-width: 92px; }
.figures b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; }
.notice { border-left: 4px solid var(--doubt); background: var(--card); padding: 10px 14px; margin: 18px 0 0; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr)); gap: 16px; }
.row { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.images { display: grid; grid-template-columns: 1fr 1fr; gap: 2px; background: var(--line); }
.images a:only-child { grid-column: span 2; }
.images img { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: cover; }
.text { padding: 10px 14px 14px; }
.text header { display: flex; justify-content: space-between; gap: 10px; align-items: baseline; }
.text header b { overflow-wrap: anywhere; }
.state { font-size: 12px; font-weight: 600; white-space: nowrap; }
.done { color: var(--good); } .failed { color: var(--bad); } .uncertain { color: var(--doubt); }
.pending, .submitting, .submitted, .succeeded { color: var(--wait); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 1px 12px; margin: 6px 0 0; font-size: 13px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.error { margin: 8px 0 0; font-size: 13px; overflow-wrap: anywhere; }
.id { margin: 8px 0 0; font: 11.5px/1.4 ui-monospace, monospace; color: var(--soft); overflow-wrap: anywhere; }
a { color: inherit; }
"""

# In the order in which somebody has to act on them.
_SECTIONS: Final = {
    "uncertain": (
        "Uncertain",
        "Whether these were accepted is not known: look in the account. --retry-uncertain submits them again.",
    ),
    "failed": (
        "Failed",
        "The job failed, or the server refused the row. Refused rows, which have no id, are submitted again.",
    ),
    "submitting": ("Being submitted", "Another process is at these."),
    "submitted": ("Under way", "Accepted. The next run takes them up again by their ids, which costs no credit."),
    "succeeded": ("Not downloaded", "Done, but not all of their files are here. The next run fetches them."),
    "done": ("Done", ""),
    "pending": ("Not sent", "The next run sends these."),
}


def render(report: Mapping[str, Any]) -> str:
    """The page.

    Args:
        report: What report.json holds.
    """
    title = f"{report['operation']}: {len(report['rows'])} rows"
    complete = "Complete" if report["complete"] else "Not complete"
    began = f"Begun at {report['begun_at']}; the last run took {report['seconds']:.0f} s."
    limit = "" if report["credit_limit"] is None else f" of {report['credit_limit']}"
    notice = f'<p class="notice">It submits no more: {escape(report["stopped"])}</p>' if report["stopped"] else ""
    figures = [
        *(
            (name.lower(), report["states"][state], state)
            for state, (name, _) in _SECTIONS.items()
            if state in report["states"]
        ),
        ("credits" + limit, report["credits"], ""),
        ("calls in this run", report["calls"], ""),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"<h1>{escape(title)}</h1>\n"
        f'<p class="soft">{complete}. {escape(began)}</p>\n'
        f'<ul class="figures">{"".join(map(_figure, figures))}</ul>\n{notice}\n'
        + "\n".join(_section(report["rows"], state, *about) for state, about in _SECTIONS.items())
        + "\n</html>\n"
    )


def _figure(figure: tuple[str, int, str]) -> str:
    name, value, state = figure
    return f'<li><b class="{state}">{value}</b><span class="soft">{escape(name)}</span></li>'


def _section(rows: list[Mapping[str, Any]], state: str, name: str, remark: str) -> str:
    cards = [_card(row) for row in rows if row["state"] == state]
    if not cards:
        return ""
    about = f'<p class="soft">{escape(remark)}</p>' if remark else ""
    return f'<h2 id="{state}">{name} ({len(cards)})</h2>\n{about}<div class="sheet">\n{"".join(cards)}</div>'


def _card(row: Mapping[str, Any]) -> str:
    images = [name for name in row["files"] if (mimetypes.guess_type(name)[0] or "").startswith("image/")]
    others = [name for name in row["files"] if name not in images]
    seconds = "" if row["seconds"] is None or row["state"] != "done" else f" in {row['seconds']:.1f} s"
    ids = [each for each in (row["job_id"], *row["other_ids"]) if each]
    parts = [
        '<article class="row">',
        f'<div class="images">{"".join(map(_image, images))}</div>' if images else "",
        f'<div class="text"><header><b>{escape(row["name"])}</b>',
        f'<span class="state {row["state"]}">{row["state"]}{seconds}</span></header>',
        f"<dl>{''.join(_term(name, value) for name, value in row['request'].items())}</dl>",
        *(f'<p><a href="{_link(name)}">{escape(name)}</a></p>' for name in others),
        f'<p class="error {row["state"]}">{escape(row["error"])}</p>' if row["error"] else "",
        *(f'<p class="id">{escape(each)}</p>' for each in ids),
        "</div></article>\n",
    ]
    return "".join(parts)


def _image(name: str) -> str:
    return f'<a href="{_link(name)}"><img src="{_link(name)}" loading="lazy" alt="{escape(name)}"></a>'


def _link(name: str) -> str:
    return escape(quote(name))


def _term(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shown = escape(text) or '<span class="soft">(empty)</span>'
    if text.startswith(("http://", "https://")):
        shown = f'<a href="{escape(text)}" rel="noreferrer">{shown}</a>'
    return f"<dt>{escape(name)}</dt><dd>{shown}</dd>"
