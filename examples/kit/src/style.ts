/** How the report looks: one style sheet without a font or a picture from elsewhere, light or dark as the reader's system is. */

/** The report's style sheet. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f6f5f2; --card: #ffffff; --text: #23262b; --muted: #6b7078; --grid: #e5e4e0; --line: #dedcd6; --accent: #2f6db5;
  --blue: #2f6db5; --orange: #d4622a; --green: #23876a; --purple: #8155ae; --ochre: #a67c00; --pink: #bf3f7b; --teal: #2d8b9b;
  --good: #23876a; --bad: #b3401f; --best: #eef4fb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16181c; --card: #1f2227; --text: #e6e6e3; --muted: #9aa0a8; --grid: #31353c; --line: #363b43; --accent: #6aa5ea;
    --blue: #6aa5ea; --orange: #ee8b58; --green: #57bd9b; --purple: #b490dd; --ochre: #d3ab3f; --pink: #e57fae; --teal: #63bfce;
    --good: #57bd9b; --bad: #ee8b58; --best: #26344a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1140px; margin: 0 auto; padding: 48px 20px 64px; }
h1 { font-size: clamp(1.7rem, 4vw, 2.3rem); line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 .6rem; font-weight: 650; }
h2 { font-size: 1.3rem; line-height: 1.25; letter-spacing: -0.01em; margin: 56px 0 .3rem; font-weight: 640; }
h3 { font-size: 1rem; margin: 0 0 .5rem; font-weight: 620; }
p { margin: 0 0 .8rem; max-width: 74ch; }
.note { color: var(--muted); font-size: .92rem; }
.eyebrow { color: var(--muted); font-size: .85rem; margin-bottom: .4rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; margin: 16px 0; }
.headline { margin-top: 26px; padding: 24px 26px; border-left: 5px solid var(--accent); }
.headline > p { font-size: clamp(1.15rem, 2.4vw, 1.45rem); line-height: 1.35; font-weight: 600; letter-spacing: -0.01em; max-width: none; margin: 0 0 14px; }
.headline ul { margin: 0; padding: 0; list-style: none; display: grid; gap: 7px; font-size: .94rem; }
.headline li { padding-left: 16px; text-indent: -16px; }
.headline li::before { content: "·"; display: inline-block; width: 16px; text-indent: 0; color: var(--muted); font-weight: 700; }
.headline b { font-weight: 600; }
.precondition { border-left: 5px solid var(--muted); font-size: .95rem; padding: 14px 22px; }
.precondition p { margin: 0; max-width: none; }
.precondition.holds { border-left-color: var(--good); }
.precondition.fails { border-left-color: var(--bad); }
.precondition.fails strong { color: var(--bad); }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); margin: 16px 0; }
.grid.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); }
.grid > .card { margin: 0; min-width: 0; }
figure { margin: 0; }
figcaption { font-weight: 600; font-size: .95rem; margin-bottom: 10px; }
.plot svg { display: block; width: 100%; height: auto; }
.plot text { paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
.plot .mark-rect path { shape-rendering: crispEdges; }
.grid .plot svg { max-width: 660px; }
.plot.narrow { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: .88rem; margin: 0 0 12px; padding: 0; list-style: none; }
.legend i, .swatch { display: inline-block; width: 11px; height: 11px; border-radius: 50%; margin-right: 7px; }
.ramp { display: flex; align-items: center; gap: 8px; font-size: .85rem; color: var(--muted); margin-bottom: 10px; }
.ramp i { width: 120px; height: 10px; border-radius: 3px; background: linear-gradient(to right, color-mix(in srgb, var(--grid) 50%, transparent), var(--accent)); }
.domains { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); margin: 16px 0; }
.domains .card { margin: 0; padding: 16px; }
.domains p { font-size: .88rem; color: var(--muted); line-height: 1.4; margin: 0 0 12px; }
.badge { display: inline-block; font-size: .72rem; font-weight: 600; color: var(--card); background: var(--accent); border-radius: 99px; padding: 1px 9px; margin-left: 8px; vertical-align: 2px; }
.pictures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 8px; }
.pictures figure { text-align: center; min-width: 0; }
.pictures img { width: 100%; aspect-ratio: 1; image-rendering: pixelated; border-radius: 5px; display: block; }
.pictures figcaption { font-size: .72rem; font-weight: 400; color: var(--muted); margin: 3px 0 0; overflow-wrap: anywhere; line-height: 1.2; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: 8px 12px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
tr:last-child > td, tr:last-child > th[scope=row] { border-bottom: 0; }
th { font-weight: 600; vertical-align: bottom; }
thead th { color: var(--muted); font-size: .84rem; line-height: 1.25; }
th[scope=row] { text-align: left; white-space: normal; min-width: 12em; font-weight: 500; padding-left: 30px; text-indent: -18px; }
td small { color: var(--muted); font-size: .82em; }
td.best { font-weight: 700; background: var(--best); }
td.best small { font-weight: 400; }
.edge { border-left: 1px solid var(--line); }
.tuning th, .tuning td { padding: 6px 10px; }
tr.chosen td { background: var(--best); font-weight: 600; }
dl { margin: 0; display: grid; grid-template-columns: minmax(7em, max-content) 1fr; gap: 5px 18px; font-size: .92rem; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
.methods { display: grid; gap: 12px 28px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); font-size: .92rem; }
.methods p { margin: 0; }
footer h2 { margin-top: 64px; }
@media (max-width: 600px) {
  .plot.roomy { display: none; }
  .plot.narrow { display: block; }
  main { padding: 28px 14px 48px; }
  .card { padding: 16px 14px; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
}
@media print { body { background: none; } .card { break-inside: avoid; } }
`;
