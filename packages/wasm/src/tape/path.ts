/** The operations that lead from some tensors to another: those that a backward pass goes through. */
import type * as tf from "@tensorflow/tfjs-core";
import type { TapeNode } from "./engine.js";

/** An operation on the way, and the names of those of its inputs that depend on the tensors where the way begins. */
export interface Station {
  readonly node: TapeNode;
  readonly inputs: readonly string[];
}

/** The stations from `xs` to `y`, in the order of the tape. */
export function pathOf(tape: readonly TapeNode[], xs: readonly tf.Tensor[], y: tf.Tensor): Station[] {
  const dependent = new Set(xs.map(({ id }) => id));
  const stations: Station[] = [];
  for (const node of tape) {
    const inputs: string[] = [];
    // An optional input may be there without a tensor.
    for (const name in node.inputs) if (dependent.has(node.inputs[name]?.id as number)) inputs.push(name);
    if (inputs.length === 0) continue;
    for (const { id } of node.outputs) dependent.add(id);
    stations.push({ node, inputs });
  }
  const needed = new Set([y.id]);
  const path = stations.reverse().filter(({ node }) => {
    if (!node.outputs.some(({ id }) => needed.has(id))) return false;
    for (const name in node.inputs) needed.add(node.inputs[name]?.id as number);
    return true;
  });
  return path.reverse();
}
