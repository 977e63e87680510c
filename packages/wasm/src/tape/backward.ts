/**
 * A backward pass that frees what it has used. TensorFlow.js's own holds to its end all that the forward pass saved, every gradient on the way, and what the
 * functions that compute them make besides. Here each operation's are freed as soon as its gradient is known.
 *
 * The same functions run in the same order on the same values. What a user's function has seen or made (tf.customGrad) is left to the end, as it is there: nobody knows what
 * else the function uses it for.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Engine, engine, type TapeNode } from "./engine.js";
import { Ledger } from "./ledger.js";
import { pathOf, type Station } from "./path.js";

/** An operation whose gradient is a registered one; the others are made by tf.customGrad. */
const registered = ({ kernelName }: TapeNode): boolean => tf.getGradient(kernelName) != null;

const free = (tensors: readonly tf.Tensor[]): void => {
  for (const tensor of tensors) tensor.dispose();
};

/** The gradient of one input, in words that TensorFlow.js has for what can be wrong with it. */
function gradientOf({ kernelName, inputs }: TapeNode, name: string, dxs: Record<string, () => tf.Tensor>): tf.Tensor {
  if (!(name in dxs)) {
    throw new Error(`Cannot backprop through input ${name}. Available gradients found: ${Object.keys(dxs)}.`);
  }
  const dx = engine().tidy("gradient", dxs[name] as () => tf.Tensor);
  const wrong = `Error in gradient for op ${kernelName}. The gradient of input`;
  if (dx.dtype !== "float32") throw new Error(`${wrong} ${name} must have 'float32' dtype, but has '${dx.dtype}'`);
  const { shape } = inputs[name] as tf.Tensor;
  if (!tf.util.arraysEqual(dx.shape, shape)) {
    throw new Error(
      `${wrong} '${name}' has shape '${dx.shape}', which does not match the shape of the input '${shape}'`,
    );
  }
  return dx;
}

/** The gradients of the inputs that matter, given those of the outputs in the ledger. */
function gradientsOf({ node, inputs }: Station, ledger: Ledger): tf.Tensor[] {
  if (!node.gradient) throw new Error(`Cannot compute gradient: gradient function not found for ${node.kernelName}.`);
  const dxs = node.gradient(node.outputs.map(({ id }) => ledger.get(id) ?? null));
  return inputs.map((name) => gradientOf(node, name, dxs));
}

/** Passes a station: adds the gradients of its inputs to the ledger, and frees what they were computed from. */
function pass(station: Station, ledger: Ledger): void {
  const { node, inputs } = station;
  const own = registered(node);
  if (!own) for (const { id } of node.outputs) if (ledger.get(id)) ledger.pin(ledger.get(id)!);
  const dxs = own ? engine().tidy("gradients", () => gradientsOf(station, ledger)) : gradientsOf(station, ledger);
  inputs.forEach((name, i) => {
    const { id } = node.inputs[name] as tf.Tensor;
    const dx = dxs[i]!;
    const before = ledger.get(id);
    if (!before) ledger.set(id, dx);
    else ledger.set(id, tf.engine().runKernel("Add", { a: before, b: dx }));
    if (!own) ledger.pin(dx);
    else ledger.free(dx);
  });
  if (own) for (const tensor of node.saved) if (!ledger.holds(tensor)) tensor.dispose();
}

/** Goes the path back from `y`, whose gradient is `dy`; gives those of `xs`, and undefined for what none leads to. */
function backpropagate(path: readonly Station[], xs: readonly tf.Tensor[], y: tf.Tensor, dy: tf.Tensor) {
  const ledger = new Ledger(engine().state.activeScope.id);
  ledger.set(y.id, dy);
  // Nothing before the station where a tensor is first seen knows of it, so its gradient ends there.
  const seen = new Set(xs.map(({ id }) => id));
  const last = path.map(({ node, inputs }) => {
    for (const name of inputs) seen.add((node.inputs[name] as tf.Tensor).id);
    const ids = node.outputs.map(({ id }) => id).filter((id) => !seen.has(id));
    for (const id of ids) seen.add(id);
    return ids;
  });
  for (let i = path.length - 1; i >= 0; i--) {
    pass(path[i]!, ledger);
    for (const id of last[i]!) ledger.delete(id);
  }
  return xs.map(({ id }) => ledger.get(id));
}

/** Runs f, and goes back from what it gives. */
function forwardAndBack(f: () => tf.Tensor, xs: tf.Tensor[], dy: tf.Tensor | null | undefined, none: boolean) {
  const { state } = engine();
  const forward = () => engine().tidy("forward", f);
  const y = engine().scopedRun(
    () => engine().startTape(),
    () => engine().endTape(),
    forward,
  );
  tf.util.assert(y instanceof tf.Tensor, () => "The result y returned by f() must be a tensor.");
  const tape = state.activeTape as TapeNode[];
  const path = pathOf(tape, xs, y);
  if (!none && path.length === 0) {
    throw new Error(
      "Cannot compute gradient of y=f(x) with respect to x. Make sure that the f you passed encloses all operations that lead from x to y.",
    );
  }
  const passed = new Set(path.map(({ node }) => node));
  for (const node of tape) if (!passed.has(node)) free(node.saved);
  return engine().tidy("backward", () => ({
    value: y,
    grads: backpropagate(path, xs, y, dy ?? tf.ones(y.shape)),
  }));
}

/** Puts this backward pass in the place of the engine's, where `applies`. Gradients of gradients go through operations more than once and are left to the engine. */
export function replaceBackward(applies: () => boolean): void {
  const stock = engine().gradients;
  engine().gradients = function (this: Engine, f, xs, dy, none = false) {
    const { state } = this;
    const fit = xs.length > 0 && (dy == null || dy.dtype === "float32");
    if (state.gradientDepth > 0 || !fit || !applies()) return stock.call(this, f, xs, dy, none);
    // A gradient may be asked for within the backward pass of another one.
    const outer = state.activeTape;
    state.activeTape = null;
    try {
      return forwardAndBack(f, xs, dy, none);
    } finally {
      for (const { saved } of (state.activeTape as TapeNode[] | null) ?? []) free(saved);
      state.activeTape = outer;
    }
  };
}
