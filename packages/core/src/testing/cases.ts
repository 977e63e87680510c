/**
 * The cases of a check, and how a failing one becomes one that can be read.
 *
 * What a case means is decided by its numbers, and drawn ones (0.0316…, gradients like noise) say nothing to a reader. So the first things that are tried in place of a
 * failing case are a few in round numbers, which count where the mistake is plain to see; then those where it is there at all; then smaller ones of the same kind.
 */
import fc from "fast-check";

/** Where a mistake is visible: in the first three digits. */
export const VISIBLE = 1e-2;
/** Where it can be read off a few more digits. */
const READABLE = 1e-5;

/** How many smaller cases are tried when one fails: enough to see the reason, and soon over. */
const SHRINKS = 150;

/** How visible a mistake must be in a case; 0 for those that are not named. */
export type Demands = WeakMap<object, number>;

/** What fast-check remembers of a case: whether it was drawn, or came from one that fails. */
interface Origin {
  readonly drawn: boolean;
  readonly context: unknown;
}

class Cases<T extends object> extends fc.Arbitrary<T> {
  private readonly inner: fc.Arbitrary<T>;
  private readonly simpler: (failing: T) => readonly T[];
  private readonly demands: Demands;

  constructor(inner: fc.Arbitrary<T>, simpler: (failing: T) => readonly T[], demands: Demands) {
    super();
    this.inner = inner;
    this.simpler = simpler;
    this.demands = demands;
  }

  generate(random: fc.Random, bias: number | undefined): fc.Value<T> {
    return this.from(this.inner.generate(random, bias), true);
  }

  canShrinkWithoutContext(_value: unknown): _value is T {
    return false;
  }

  shrink(value: T, origin: Origin | undefined): fc.Stream<fc.Value<T>> {
    // A case in round numbers: as simple as it gets.
    if (origin === undefined) return fc.Stream.nil();
    const smaller = this.inner.shrink(value, origin.context).map((it) => this.from(it, false));
    return origin.drawn ? fc.stream(this.round(value)).join(smaller) : smaller;
  }

  private *round(failing: T): IterableIterator<fc.Value<T>> {
    for (const least of [VISIBLE, READABLE]) {
      for (const one of this.simpler(failing)) {
        this.demands.set(one, least);
        yield new fc.Value(one, undefined);
      }
    }
  }

  private from({ value_, context }: fc.Value<T>, drawn: boolean): fc.Value<T> {
    return new fc.Value(value_, { drawn, context } satisfies Origin);
  }
}

/**
 * Cases that are drawn, and give way to simpler ones when one fails.
 *
 * @param simpler What to try first, in this order; new objects at every call.
 * @param demands Where it is noted how visible a mistake must be in which of them.
 */
export const casesOf = <T extends object>(
  drawn: fc.Arbitrary<T>,
  simpler: (failing: T) => readonly T[],
  demands: Demands,
): fc.Arbitrary<T> => fc.limitShrink(new Cases(drawn, simpler, demands), SHRINKS);

/** A case with a text that says what it is, for a counterexample. */
export const labelled = <T extends object>(it: T, text: () => string): T => Object.assign(it, { toString: text });
