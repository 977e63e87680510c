/**
 * Variables as specs see them: by name and shape, and the patterns that choose among them.
 */

/** Which variables, by name: a regular expression that the name matches, or a string that is the name or its leading path ("head" is head/kernel). */
export type NamePattern = string | RegExp;

/** Which variables: by name, or all for which a function of name and shape returns true. */
export type VariablePattern = NamePattern | ((variable: VariableInfo) => boolean);

/** A variable as specs see it. */
export interface VariableInfo {
  /** The tf.Variable's name. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
}

/**
 * Which axes of a variable name its output channels, each in [−rank, rank): a function of the variable, or a record by name. What is undefined or not in the record is left to the default: embeddings and
 * depthwise kernels, which are known by the names that TensorFlow.js gives them (`word/embeddings`, `conv/depthwise_kernel`), go by token and by (channel, multiplier), all others by their rank: the last axis,
 * and with fewer than two axes one channel for the whole tensor.
 */
export type ChannelAxis =
  | ((variable: VariableInfo) => number | readonly number[] | undefined)
  | Readonly<Record<string, number | readonly number[]>>;

/** True where the variable matches the pattern. */
export function matches(pattern: VariablePattern, variable: VariableInfo): boolean {
  const { name } = variable;
  if (typeof pattern === "function") return pattern(variable);
  // A sticky or global expression keeps a position between calls; a copy without one always looks at the whole name.
  if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(name);
  return name === pattern || name.startsWith(`${pattern}/`);
}

/** The channel axes that are given for a variable; undefined where nothing is said of it. */
export function axesOf(channelAxis: ChannelAxis, variable: VariableInfo): readonly number[] | undefined {
  const axes = typeof channelAxis === "function" ? channelAxis(variable) : channelAxis[variable.name];
  return typeof axes === "number" ? [axes] : axes;
}

/** A pattern, for messages. */
export function shownPattern(pattern: VariablePattern): string {
  if (typeof pattern === "function") return `the function ${pattern.name || "without a name"}`;
  return typeof pattern === "string" ? JSON.stringify(pattern) : String(pattern);
}
