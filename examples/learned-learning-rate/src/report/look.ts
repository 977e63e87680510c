/** What this report adds to the style sheet that the studies share: colours of tower heights, and cards with several charts. */
export const look: string = `
:root {
  --height-0: #83888f; --height-1: #e69f00; --height-2: #d1495b; --height-3: #8f2d83; --height-4: #2b2a7c;
  --fixed: #3c4046; --blind: #a3a7ad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --height-0: #8d939b; --height-1: #7d6be8; --height-2: #d26bb8; --height-3: #f39a6b; --height-4: #fbe47a;
    --fixed: #e3e4e2; --blind: #7b8087;
  }
}
.grid > .card p.seen { font-size: .88rem; color: var(--muted); margin: 8px 0 0; line-height: 1.45; }
.grid.three .card .plot + .plot { margin-top: 4px; }
.legend.lines i { width: 20px; height: 4px; border-radius: 2px; vertical-align: 3px; }
table.dense th, table.dense td { padding: 6px 8px; }
table.dense th[scope=row] { min-width: 9em; padding-left: 22px; }
th[scope=row] { vertical-align: middle; }
h3 { margin-top: 26px; }
.card th[scope=row] { vertical-align: middle; }
h3 { margin-top: 0; }
.headline li { text-indent: 0; padding-left: 0; }
.headline li::before { content: none; }
`;
