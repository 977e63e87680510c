import { describe, expect, test } from "vitest";
import { createProgress } from "../src/progress.ts";

/** A stream that keeps what is written to it, and a clock that is set by hand. */
function recorder(isTTY: boolean) {
  const written: string[] = [];
  const clock = { milliseconds: 0 };
  const stream = {
    isTTY,
    columns: 200,
    write(text: string) {
      written.push(text);
      return true;
    },
    on() {},
    removeListener() {},
  } as unknown as NodeJS.WriteStream;
  return { written, clock, stream, now: () => clock.milliseconds };
}

describe("createProgress where the output is not a terminal", () => {
  test("writes one line at every tenth, with the time so far and the time left", () => {
    const { written, clock, stream, now } = recorder(false);
    const progress = createProgress({ total: 200, label: "training", stream, now });
    for (let done = 1; done <= 200; done++) {
      clock.milliseconds = 1000 * done;
      progress.update(done, `seed ${done > 100 ? 2 : 1}`);
    }
    progress.stop();
    expect(written).toHaveLength(10);
    expect(written[0]).toBe("training: 10 % · 20 s, about 3 min 00 s left · seed 1\n");
    expect(written[9]).toBe("training: 100 % · 3 min 20 s in all · seed 2\n");
  });

  test("skips the tenths that one large step jumps over", () => {
    const { written, clock, stream, now } = recorder(false);
    const progress = createProgress({ total: 4, label: "work", stream, now });
    clock.milliseconds = 5000;
    progress.update(2);
    expect(written).toEqual(["work: 50 % · 5 s, about 5 s left\n"]);
  });

  test("writes nothing after it was stopped", () => {
    const { written, stream, now } = recorder(false);
    const progress = createProgress({ total: 1, label: "work", stream, now });
    progress.stop();
    progress.update(1);
    expect(written).toEqual([]);
  });
});

describe("createProgress on a terminal", () => {
  test("draws a bar with the message and the time left, and may be stopped twice", () => {
    const { written, clock, stream, now } = recorder(true);
    const progress = createProgress({ total: 10, label: "training", stream, now });
    clock.milliseconds = 4000;
    progress.update(4, "adamw");
    progress.stop();
    progress.stop();
    const text = written.join("");
    expect(text).toContain("40 %");
    expect(text).toContain("about 6 s left · adamw");
  });
});
