/** What the studies share. A study draws its data from named random streams, shows how far it is, and writes a page with charts. */
export { type Band, bandMarks } from "./charts/bands.js";
export { type Line, lineMarks } from "./charts/lines.js";
export { NARROW, plot } from "./charts/plot.js";
export {
  bottomAxis,
  extent,
  leftAxis,
  linear,
  log,
  logExtent,
  logLabels,
  logTicks,
  padded,
} from "./charts/scales.js";
export { type Chart, type Data, ink, type Mark } from "./charts/svg.js";
export { thinned } from "./charts/thin.js";
export { count, duration, NONE, significant } from "./format.js";
export { type Content, type Html, html, raw } from "./markup.js";
export { type Output, tryOutputs, writeOutputs } from "./outputs.js";
export { createProgress, type Progress } from "./progress.js";
export { type Random, randomStream } from "./random.js";
export { style } from "./style.js";
