"""How the report looks, on screens light and dark and on paper, and what its few lines of script do."""

STYLE = """
:root { color-scheme: light dark;
  --paper: light-dark(#fff, #15181c); --ink: light-dark(#1c2126, #e4e7ea);
  --soft: light-dark(#586069, #a3acb5);
  --line: light-dark(#d9dee3, #353c44); --panel: light-dark(#f5f7f9, #1d2228);
  --accent: light-dark(#0b5cad, #7cb7ff);
  --best: light-dark(#e3eefb, #1b3a5e); --bad: light-dark(#a4161a, #ff9a94);
  --bad-panel: light-dark(#fdecec, #3a1d1f); }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  color: var(--ink); background: var(--paper); }
main, header, footer { max-width: 74rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; text-wrap: balance; }
h2 { font-size: 1.35rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p, li { max-width: 46rem; }
a { color: var(--accent); }
small, figcaption, .soft { color: var(--soft); }
.soft { margin: 0; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem; }
.warning { border-left: 4px solid var(--bad); background: var(--bad-panel); padding: .6rem .9rem;
  border-radius: 0 6px 6px 0;
  max-width: none; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0;
  }
.figures-of { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem;
  margin: 1.5rem 0; padding: 0; }
.figures-of div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: .7rem .9rem; }
.figures-of dt { color: var(--soft); font-size: .85rem; }
.figures-of dd { margin: 0; font-size: 1.4rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.figures-of .bad { border-color: var(--bad); background: var(--bad-panel); }
.figures-of .bad dd { color: var(--bad); }
.answer { font-size: 1.08rem; padding-left: 1.1rem; }
.answer li { margin: .4rem 0; }
.question { font-style: italic; }
.scroll { overflow-x: auto; margin: .75rem 0; }
.scroll:focus-visible, button:focus-visible, summary:focus-visible, a:focus-visible, pre:focus-visible
  { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .93rem; border-bottom: 2px solid var(--ink); }
caption { text-align: left; font-weight: 600; padding: .5rem 0; color: var(--ink); }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem; }
.numbers th, .numbers td { white-space: nowrap; }
th:first-child { padding-left: .25rem; }
thead th { border-top: 2px solid var(--ink); border-bottom: 1px solid var(--ink); vertical-align: bottom; }
tbody th { font-weight: 400; }
tbody tr.first > * { border-top: 1px solid var(--line); }
.plain tbody tr > * { border-top: 1px solid var(--line); }
.plain td { overflow-wrap: break-word; max-width: 34rem; }
.block th { font-weight: 650; padding-top: .8rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.best { background: var(--best); border-radius: 4px; padding: .05rem .3rem; margin-right: -.3rem; }
sup { line-height: 0; }
td small { white-space: nowrap; }
td small.printed { display: block; }
tr.again .group > span { visibility: hidden; }
.within { display: none; }
.sorted .within { display: inline; color: var(--soft); }
.sorted tr.again .group > span { visibility: visible; }
.sorted tr.block { display: none; }
.sorted tbody tr > * { border-top: 1px solid var(--line); }
.no-printed .printed { display: none; }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
thead button { font-weight: 600; }
thead button::after { content: " \\2195"; color: var(--soft); font-weight: 400; }
[aria-sort=ascending] button::after { content: " \\25B2"; color: var(--accent); }
[aria-sort=descending] button::after { content: " \\25BC"; color: var(--accent); }
#switch { border: 1px solid var(--line); background: var(--panel); border-radius: 999px;
  padding: .3rem .9rem; margin: .25rem 0; }
#switch[aria-pressed=true] { border-color: var(--accent); color: var(--accent); }
.missing { color: var(--bad); }
details { margin: .6rem 0; }
summary { cursor: pointer; color: var(--accent); }
details ul { font-size: .9rem; }
figure { margin: 1.5rem 0 2rem; }
figure .scroll { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: .75rem;
  margin: 0 0 .4rem; }
figure img { display: block; width: 100%; min-width: 42rem; max-width: 62rem; height: auto; margin: 0 auto;
  }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem;
  overflow-x: auto;
  font-size: .85rem; }
footer { color: var(--soft); font-size: .85rem; margin-top: 3rem; padding-bottom: 2rem; }
@media (max-width: 40rem) {
  body { font-size: 15px; } main, header, footer { padding-inline: .9rem; } header { padding-top: 1.25rem; }
  h1 { font-size: 1.45rem; } th, td { padding-inline: .5rem; } }
@page { margin: 14mm 12mm; }
@media print {
  :root { color-scheme: light; }
  .best, .warning, .figures-of .bad { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 9.5pt; } main, header, footer { max-width: none; padding: 0; }
  nav, #switch, .skip { display: none; } thead button::after { content: ""; }
  .scroll { overflow: visible; } table { font-size: 8pt; } th, td { padding: .15rem .4rem; }
  .numbers th, .numbers td, td small { white-space: normal; } p, li, .plain td { max-width: none; }
  h2, h3, caption { break-after: avoid; } thead { display: table-header-group; }
  tr, figure, pre, .figures-of { break-inside: avoid; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  figure img { min-width: 0; } figure .scroll { border: 0; padding: 0; } }
"""

SCRIPT = """
document.querySelectorAll('table.numbers').forEach(table => {
  const head = table.tHead.rows[0], bodies = [...table.tBodies];
  const rows = bodies.map(body => [...body.rows]);
  const all = rows.flat().filter(row => !row.classList.contains('block'));
  [...head.cells].forEach((cell, column) => {
    if (!cell.classList.contains('number')) return;
    const button = document.createElement('button');
    button.type = 'button'; button.title = 'Sort; the third time in the order of the paper';
    button.append(...cell.childNodes); cell.append(button);
    button.addEventListener('click', () => {
      const next = {none: 'descending', descending: 'ascending', ascending: 'none'}[cell.ariaSort || 'none'];
      [...head.cells].forEach(other => other.removeAttribute('aria-sort'));
      table.classList.toggle('sorted', next !== 'none');
      bodies.forEach((body, i) => body.append(...rows[i]));
      if (next === 'none') return;
      cell.setAttribute('aria-sort', next);
      const sign = next === 'ascending' ? 1 : -1;
      const value = row => row.cells[column].dataset.value;
      const known = all.filter(row => value(row)).sort((a, b) => sign * (value(a) - value(b)));
      bodies[0].append(...known, ...all.filter(row => !value(row)));
    });
  });
});
const button = document.getElementById('switch');
if (button) {
  button.hidden = false;
  button.addEventListener('click', () => {
    const off = document.body.classList.toggle('no-printed');
    button.setAttribute('aria-pressed', !off);
  });
}
"""
