/**
 * HTML as a tagged template that escapes: text that is put into `html` can never become markup, and only what `html` or `raw`
 * made is taken as markup.
 */

/** A piece of finished HTML. */
export interface Html {
  readonly markup: string;
}

/** What may be put into {@link html}: text and numbers are escaped, HTML and lists of it are taken as they are, null is nothing. */
export type Content = string | number | null | Html | readonly Content[];

/** Builds HTML; everything that is put in is escaped unless it is HTML itself. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return { markup: strings.map((string, index) => string + toMarkup(contents[index] ?? null)).join("") };
}

/** Takes markup from a source that is trusted (a chart that was just drawn) as it is. */
export function raw(markup: string): Html {
  return { markup };
}

function toMarkup(content: Content): string {
  if (content === null) return "";
  if (typeof content === "string" || typeof content === "number") return escapeText(String(content));
  return "markup" in content ? content.markup : content.map(toMarkup).join("");
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
