/** What the studies share. A study draws its data from named random streams, shows how far it is, and writes a page with charts. */
export { type Band, bandMarks } from "./charts/bands.js";
export { endLabels, type Line, lineMarks, spread } from "./charts/lines.js";
export {
  bottomAxis,
  extent,
  leftAxis,
  linear,
  log,
  logExtent,
  logTicks,
  padded,
} from "./charts/scales.js";
export { type Chart, type Data, drawSvg, ink, type Mark } from "./charts/svg.js";
export { thinned } from "./charts/thin.js";
export { count, duration, NONE, significant } from "./format.js";
export { type Content, type Html, html, raw } from "./markup.js";
export { type Output, tryOutputs, writeOutputs } from "./outputs.js";
export { createProgress, type Progress } from "./progress.js";
export { type Random, randomStream } from "./random.js";
export { style } from "./style.js";
