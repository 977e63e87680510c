/** A chart on a page. A drawing that is shrunk to a phone cannot be read, so it is drawn for both, and the style sheet shows the one that fits. */

import { type Html, html, raw } from "../markup.ts";
import { type Chart, drawSvg } from "./svg.ts";

/** What a card leaves on a screen of 390 pixels. */
export const NARROW = 330;

/** How wide a chart is with its axes and labels. */
const widthOf = ({ padding, width }: Chart): number => padding.left + width + padding.right;

/**
 * The chart as part of a page.
 *
 * @param draw Draws it in so much room, labels and axes included; undefined: as wide as is best for it.
 */
export async function plot(draw: (room?: number) => Chart): Promise<Html> {
  const roomy = draw();
  if (widthOf(roomy) <= NARROW) return html`<div class="plot">${raw(await drawSvg(roomy))}</div>`;
  return html`<div class="plot roomy">${raw(await drawSvg(roomy))}</div><div class="plot narrow">${raw(await drawSvg(draw(NARROW)))}</div>`;
}
