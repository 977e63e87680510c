/** Repeating a tensor along its axes, which is how gradients are spread over what was summed: the stock kernel does it value by value. */
import { type TensorInfo, Tile } from "@tensorflow/tfjs-core";
import { type Kernel, register, shared, view } from "./backend.js";
import { refuse } from "./entrance.js";
import { moved, stridesOf } from "./move.js";

register(
  Tile,
  (): Kernel =>
    ({ inputs, attrs, backend }) => {
      const x = inputs["x"] as TensorInfo;
      const reps = attrs["reps"] as number[];
      if (reps.length !== x.shape.length || reps.some((times) => !(Number.isInteger(times) && times >= 0))) {
        refuse(
          Tile,
          `takes a whole number of times for every axis, and was given [${reps}] for the shape [${x.shape}].`,
        );
      }
      const shape = x.shape.map((size, axis) => size * reps[axis]!);
      if (reps.every((times) => times === 1)) return shared(backend, x, shape);
      const strides = stridesOf(x.shape);
      // Of every axis two are made: how many times, and what is repeated.
      const axes = x.shape.map((size, axis) => [reps[axis]!, size]);
      const out = moved(
        backend,
        x,
        axes.flat(),
        strides.flatMap((stride) => [0, stride]),
      );
      return view(out, shape);
    },
);
