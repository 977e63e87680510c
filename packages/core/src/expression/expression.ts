/**
 * Expressions: the small typed language that update rules are written in.
 *
 * An expression is a node of an immutable graph: an operation, its operands and the grain of its value. Building one computes
 * nothing. The same graph is differentiated (differentiate.ts), simplified and ordered (program.ts), and evaluated by an
 * executor (executors/). What each operation means, in float64, in its derivative and in tfjs, stands in one table
 * (operations.ts).
 */
import { type Finest, finer, finest, type Grain } from "./grain.js";
import { type AnyGrain, Condition, Node, type OperationName } from "./node.js";
import { shown } from "./shown.js";

/** A number, or an expression: whatever an operation takes. */
export type Operand<G extends Grain = AnyGrain> = number | (G extends Grain ? Expr<G> : never);

/** The grain of an operand; a number is one value for the whole model. */
export type GrainOf<X> = X extends Expr<infer G> ? G : "model";

/**
 * A real number per `G`.
 *
 * Operations with two operands broadcast the coarser one. Derivatives at points where the mathematics has none are finite and
 * listed in operations.ts.
 *
 * It has no value while a rule is written, so JavaScript's operators cannot be used on it: `-x`, `x * y`, `Math.sqrt(x)` and `x > 0` are errors that say what to write. `x === 0` and
 * `if (x)` cannot be noticed: the first is always false, the second always true.
 */
export class Expr<G extends Grain = AnyGrain> extends Node<G> {
  declare private readonly real: true;

  protected override get instead(): string {
    return "Write x.add(y), x.sub(y), x.mul(y), x.div(y), x.pow(y), x.neg(), x.abs(), x.sqrt(), …; and for a choice select(x.greater(y), yes, no).";
  }

  /** this + b. */
  add<B extends Operand>(b: B): Expr<Finest<G, GrainOf<B>>> {
    return apply("add", this, b);
  }
  /** this − b. */
  sub<B extends Operand>(b: B): Expr<Finest<G, GrainOf<B>>> {
    return apply("sub", this, b);
  }
  /** this · b. */
  mul<B extends Operand>(b: B): Expr<Finest<G, GrainOf<B>>> {
    return apply("mul", this, b);
  }
  /** this / b. */
  div<B extends Operand>(b: B): Expr<Finest<G, GrainOf<B>>> {
    return apply("div", this, b);
  }
  /** thisᵇ. Domain: this ≥ 0, or a whole b. */
  pow<B extends Operand>(b: B): Expr<Finest<G, GrainOf<B>>> {
    return apply("pow", this, b);
  }
  /** −this. */
  neg(): Expr<G> {
    return apply("neg", this);
  }
  /** |this|. */
  abs(): Expr<G> {
    return apply("abs", this);
  }
  /** −1, 0 or 1. */
  sign(): Expr<G> {
    return apply("sign", this);
  }
  /** The largest whole number that is not above this. Its derivative is 0 everywhere. */
  floor(): Expr<G> {
    return apply("floor", this);
  }
  /** this². */
  square(): Expr<G> {
    return apply("square", this);
  }
  /** √this. Domain: this ≥ 0. The derivative at 0 is 0. */
  sqrt(): Expr<G> {
    return apply("sqrt", this);
  }
  /** 1/√this. Domain: this > 0; infinite at 0. */
  rsqrt(): Expr<G> {
    return apply("rsqrt", this);
  }
  /** eᵗʰⁱˢ. */
  exp(): Expr<G> {
    return apply("exp", this);
  }
  /** Natural logarithm. Domain: this > 0. */
  log(): Expr<G> {
    return apply("log", this);
  }
  /** Hyperbolic tangent. */
  tanh(): Expr<G> {
    return apply("tanh", this);
  }
  /** 1/(1 + e^−this). */
  sigmoid(): Expr<G> {
    return apply("sigmoid", this);
  }
  /** this > b. */
  greater<B extends Operand>(b: B): Condition<Finest<G, GrainOf<B>>> {
    return compare("greater", this, b);
  }
  /** this ≥ b. */
  greaterEqual<B extends Operand>(b: B): Condition<Finest<G, GrainOf<B>>> {
    return compare("greaterEqual", this, b);
  }
  /** this < b. */
  less<B extends Operand>(b: B): Condition<Finest<G, GrainOf<B>>> {
    return compare("less", this, b);
  }
  /** this ≤ b. */
  lessEqual<B extends Operand>(b: B): Condition<Finest<G, GrainOf<B>>> {
    return compare("lessEqual", this, b);
  }
  /** this = b. */
  equal<B extends Operand>(b: B): Condition<Finest<G, GrainOf<B>>> {
    return compare("equal", this, b);
  }
}

/**
 * The operand as a node.
 *
 * @param called What it is, for the error message.
 * @throws Error for what is neither a number nor an expression.
 */
export function toExpr(x: Operand, called = "an operand"): Expr {
  if (x instanceof Expr) return x;
  if (typeof x === "number" && Number.isFinite(x)) return constant(x);
  const given: unknown = x;
  throw new Error(
    given instanceof Condition
      ? `${called} is a condition; expected a number or an expression. select(condition, 1, 0) makes a number of it.`
      : `${called} is ${shown(given)}; expected ${typeof given === "number" ? "a finite number" : "a number"} or an expression.`,
  );
}

/** The same number everywhere. */
export function constant(value: number): Expr<"model"> {
  return new Expr({ op: "constant", value }, [], "model");
}

/** A leaf that is given a value when the graph is evaluated. */
export function input<G extends Grain>(name: string, grain: G): Expr<G> {
  return new Expr({ op: "input", name }, [], grain);
}

function apply<G extends Grain>(op: OperationName, ...operands: Operand[]): Expr<G> {
  const nodes = operands.map((operand) => toExpr(operand, `${op}: an operand`));
  return new Expr({ op }, nodes, finest(nodes.map((node) => node.grain)) as G);
}

function compare<G extends Grain>(op: OperationName, a: Operand, b: Operand): Condition<G> {
  const nodes = [toExpr(a, `${op}: an operand`), toExpr(b, `${op}: an operand`)];
  return new Condition({ op }, nodes, finest(nodes.map((node) => node.grain)) as G);
}

/** a − b, for a number on the left. */
export function sub<A extends Operand, B extends Operand>(a: A, b: B): Expr<Finest<GrainOf<A>, GrainOf<B>>> {
  return apply("sub", a, b);
}

/** a / b, for a number on the left. */
export function div<A extends Operand, B extends Operand>(a: A, b: B): Expr<Finest<GrainOf<A>, GrainOf<B>>> {
  return apply("div", a, b);
}

/** a^b, for a number on the left. */
export function pow<A extends Operand, B extends Operand>(a: A, b: B): Expr<Finest<GrainOf<A>, GrainOf<B>>> {
  return apply("pow", a, b);
}

/** The smaller of the two. Where they are equal, the derivative is the first operand's. */
export function minimum<A extends Operand, B extends Operand>(a: A, b: B): Expr<Finest<GrainOf<A>, GrainOf<B>>> {
  return apply("minimum", a, b);
}

/** The larger of the two. Where they are equal, the derivative is the first operand's. */
export function maximum<A extends Operand, B extends Operand>(a: A, b: B): Expr<Finest<GrainOf<A>, GrainOf<B>>> {
  return apply("maximum", a, b);
}

/** x moved into [low, high]; where low > high the result is high. At the ends the derivative is x's. */
export function clamp<X extends Operand, L extends Operand, H extends Operand>(
  x: X,
  low: L,
  high: H,
): Expr<Finest<Finest<GrainOf<X>, GrainOf<L>>, GrainOf<H>>> {
  return apply("minimum", apply("maximum", x, low), high);
}

/** `yes` where the condition holds, else `no`. The derivative is that of the operand selected; the condition has none. */
export function select<C extends Grain, Y extends Operand, N extends Operand>(
  condition: Condition<C>,
  yes: Y,
  no: N,
): Expr<Finest<C, Finest<GrainOf<Y>, GrainOf<N>>>> {
  if (!(condition instanceof Condition)) {
    const given: unknown = condition;
    throw new Error(
      `select: the condition is ${given instanceof Expr ? given : shown(given)}; expected a comparison such as x.greater(0).`,
    );
  }
  const operands = [condition, toExpr(yes, "select: an operand"), toExpr(no, "select: an operand")];
  return new Expr({ op: "select" }, operands, finest(operands.map((node) => node.grain)) as AnyGrain);
}

/** The value of x, with derivative 0. */
export function stopGradient<X extends Operand>(x: X): Expr<GrainOf<X>> {
  return apply("stopGradient", x);
}

/** The value of the first operand with the derivative of the second. */
export function straightThrough<V extends Operand, D extends Operand>(
  value: V,
  derivative: D,
): Expr<Finest<GrainOf<V>, GrainOf<D>>> {
  return apply("straightThrough", value, derivative);
}

/** decay · old + (1 − decay) · fresh: one step of an exponential moving average. */
export function movingAverage<A extends Operand, B extends Operand, D extends Operand>(
  old: A,
  fresh: B,
  decay: D,
): Expr<Finest<Finest<GrainOf<A>, GrainOf<B>>, GrainOf<D>>> {
  return apply("add", apply("mul", decay, old), apply("mul", sub(1, decay), fresh));
}

/** How many values of grain `of` one value of grain `per` covers. */
export function count(of: Grain, per: Grain): Expr<"tensor"> {
  return new Expr({ op: "count", of, per }, [], "tensor");
}

/** Sum over what one channel, or one tensor, covers. */
export function sum(x: Expr<"element">, per: "channel"): Expr<"channel">;
export function sum(x: Expr<"element"> | Expr<"channel">, per: "tensor"): Expr<"tensor">;
export function sum(x: Expr, per: "channel" | "tensor"): Expr {
  return reduceSum(x, reducible("sum", x, per), per);
}

/** Mean over what one channel, or one tensor, covers. */
export function mean(x: Expr<"element">, per: "channel"): Expr<"channel">;
export function mean(x: Expr<"element"> | Expr<"channel">, per: "tensor"): Expr<"tensor">;
export function mean(x: Expr, per: "channel" | "tensor"): Expr {
  return reduceSum(x, reducible("mean", x, per), per).div(count(x.grain, per));
}

/** Largest value over what one channel, or one tensor, covers. Where several are largest, the derivative is the mean of theirs. */
export function max(x: Expr<"element">, per: "channel"): Expr<"channel">;
export function max(x: Expr<"element"> | Expr<"channel">, per: "tensor"): Expr<"tensor">;
export function max(x: Expr, per: "channel" | "tensor"): Expr {
  return new Expr({ op: "reduceMax", from: reducible("max", x, per), to: per }, [x], per);
}

function reducible(what: string, x: Expr, per: "channel" | "tensor"): Grain {
  if (per !== "channel" && per !== "tensor") {
    throw new Error(`${what}(x, ${JSON.stringify(per)}): a reduction is per "channel" or per "tensor".`);
  }
  if (!finer(x.grain, per)) {
    throw new Error(
      `${what}(x, "${per}"): x has one value per ${x.grain} already, so there is nothing to reduce. Use x itself, or reduce an expression of a finer grain.`,
    );
  }
  return x.grain;
}

/** Sum to grain `to` of x spread to grain `from`; x may be coarser than `from`, as derivatives often are. */
export function reduceSum(x: Expr, from: Grain, to: Grain): Expr {
  const coarse = finer(from, x.grain);
  const spread = coarse ? x.mul(count(from, finer(x.grain, to) ? x.grain : to)) : x;
  return finer(x.grain, to) ? new Expr({ op: "reduceSum", from: x.grain, to }, [spread], to) : spread;
}
