import { float64, learned } from "@hypergrad/core";
import { expect, test } from "vitest";
import { averaged, descent, refuses } from "../support.js";

const spec = averaged({ lr: learned(0.1, descent({ lr: 1e-3 })) });
const start = { w: { shape: [2], values: [1, 2] }, b: { shape: [], values: [3] } };

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  "a gradient with a %s is refused by name, also a held-out one, and the step leaves no trace",
  (bad) => {
    const [disturbed, straight] = [float64(spec, start), float64(spec, start)];
    for (const optimizer of [disturbed, straight]) optimizer.step({ w: [0.5, -1], b: [2] });
    const expected = [`step: the gradient of "w" is ${bad} at 1; expected finite numbers. Nothing was changed.`];
    refuses(() => disturbed.step({ b: [1], w: [1, bad] }), ...expected);
    refuses(() => disturbed.step({ b: [1], w: [1, 1] }, { w: [0, bad] }), ...expected);
    for (const optimizer of [disturbed, straight]) optimizer.step({ w: [1, 1], b: [-1] });
    expect(disturbed.parameters).toEqual(straight.parameters);
    expect(disturbed.hyperparameters()).toEqual(straight.hyperparameters());
  },
);

test("a name that there is not, and a wrong number of values, are refused", () => {
  const optimizer = float64(spec, start);
  refuses(() => optimizer.step({ constructor: [1] }), 'step: there is no parameter "constructor"; there are w, b.');
  refuses(() => optimizer.step({ w: [1] }), 'the gradient of "w" has 1 values; expected 2');
  refuses(() => optimizer.step({ w: [1, 1] }, { c: [1] }), 'step: there is no parameter "c"; there are w, b.');
});
