"""HTML: a page of its own that needs no other file and reads on light and dark screens."""

from __future__ import annotations

from html import escape
from itertools import groupby

from grid.outputs.tables.table import Block, Entry, Table

_MARKS = {"": "{}", "best": "<b>{}</b>", "second": "<i>{}</i>"}

# Colours are the reader's own, so that contrast holds whichever scheme is set.
_STYLE = """
:root { color-scheme: light dark; --shade: color-mix(in srgb, CanvasText 35%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem;
  color: CanvasText; background: Canvas; }
.warning { border-left: 4px solid; padding-left: .75rem; font-weight: bold; }
/* A table that is wider than the page shows that it goes on: a bar that stays, and a shadow at each edge that
   hides something. */
.scroll { overflow-x: auto; padding-bottom: .5rem; scrollbar-color: GrayText transparent;
  background: linear-gradient(to right, Canvas 1.5rem, transparent) left / 3rem 100% local,
    linear-gradient(to left, Canvas 1.5rem, transparent) right / 3rem 100% local,
    linear-gradient(to right, var(--shade), transparent) left / 1rem 100% scroll,
    linear-gradient(to left, var(--shade), transparent) right / 1rem 100% scroll;
  background-repeat: no-repeat; }
@supports selector(::-webkit-scrollbar) {
  .scroll { scrollbar-color: auto; }
  .scroll::-webkit-scrollbar { height: .75rem; }
  .scroll::-webkit-scrollbar-thumb { background: GrayText; border-radius: .5rem; }
}
.scroll:focus-visible { outline: 2px solid; }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
th, td { padding: .2rem .6rem; white-space: nowrap; text-align: left; vertical-align: top; }
thead th { font-weight: 600; vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.over { text-align: center; border-bottom: 1px solid; }
tbody { border-top: 1px solid; }
tbody th { font-weight: normal; }
tbody .block { font-weight: 600; border-bottom: 1px solid; }
.block span { position: sticky; left: .6rem; }
.next > * { border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
small, ul { opacity: .85; }
sup { line-height: 0; }
code { overflow-wrap: anywhere; }
"""


def html(table: Table) -> str:
    """Write a page with the table and its notes."""
    warning = f'<p class="warning">{escape(table.warning)}</p>' if table.warning else ""
    caption = f"<p>{escape(table.caption)}</p>" if table.caption else ""
    reasons = [
        f"<li>-- {escape(reason)}: {escape('; '.join(places))}.</li>"
        for reason, places in table.missing.reasons
    ]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>{escape(table.title)}</title>",
        f"<style>{_STYLE}</style></head>",
        "<body>",
        f'<h1 id="title">{escape(table.title)}</h1>',
        warning,
        caption,
        # To be scrolled by keys, it can be stepped into.
        '<div class="scroll" role="region" tabindex="0" aria-labelledby="title"><table>',
        *_head(table),
        *(line for block in table.blocks for line in _block(block, 2 + len(table.columns))),
        "</table></div>",
        "<ul>",
        *(f"<li>{escape(note)}</li>" for note in (*table.notes, *table.working, table.missing.count)),
        *reasons,
        f"<li>Regenerate with <code>{escape(table.command)}</code></li>",
        "</ul>",
        "</body></html>",
    ]
    return "\n".join([*filter(None, lines), ""])


def _head(table: Table) -> list[str]:
    two = any(column.over for column in table.columns)
    span = ' rowspan="2"' if two else ""
    labels = "".join(f'<th scope="col"{span}>{escape(label)}</th>' for label in table.labels)
    headings = "".join(f'<th scope="col" class="number">{escape(c.heading)}</th>' for c in table.columns)
    if not two:
        return [f"<thead><tr>{labels}{headings}</tr></thead>"]
    over = "".join(
        f'<th scope="colgroup" class="over" colspan="{len(list(columns))}">{escape(name)}</th>'
        for name, columns in groupby(table.columns, lambda column: column.over)
    )
    return [f"<thead><tr>{labels}{over}</tr>", f"<tr>{headings}</tr></thead>"]


def _block(block: Block, width: int) -> list[str]:
    lines = ["<tbody>"]
    if block.heading:
        heading = f"<span>{escape(block.heading)}</span>"
        lines.append(f'<tr><th scope="rowgroup" class="block" colspan="{width}">{heading}</th></tr>')
    for n, group in enumerate(block.groups):
        for k, row in enumerate(group.rows):
            label = f'<th scope="rowgroup" rowspan="{len(group.rows)}">{escape(group.label)}</th>'
            kind = ' class="next"' if n and not k else ""
            cells = "".join(f'<td class="number">{_entry(entry)}</td>' for entry in row.entries)
            first = "" if k else label
            lines.append(f'<tr{kind}>{first}<th scope="row">{escape(row.label)}</th>{cells}</tr>')
    return [*lines, "</tbody>"]


def _entry(entry: Entry) -> str:
    if not entry.text:
        return "--"
    after = f" <small>{escape(entry.after)}</small>" if entry.after else ""
    sign = f"<sup>{escape(entry.sign)}</sup>" if entry.sign else ""
    return _MARKS[entry.mark].format(escape(entry.text)) + sign + after
