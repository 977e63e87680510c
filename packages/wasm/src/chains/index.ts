/**
 * Elementwise operations are put off, and computed in one pass over memory where somebody needs what they give; see docs/architecture.md.
 *
 * All other kernels are given what is on the heap: importing this file puts a door before each.
 */
import {
  ExpandDims,
  getKernelsForBackend,
  Identity,
  Reshape,
  registerKernel,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { hasSimd } from "../heap/assemble.js";
import { type Call, register } from "../kernels/backend.js";
import { replaceGradients } from "./gradients.js";
import { lazyKernels } from "./kernels.js";
import { ledgerOf } from "./ledger.js";
import { reductions } from "./reductions.js";

/** The kernels that hand a tensor's data on without a look at it. */
const sharing = new Set([ExpandDims, Identity, Reshape]);

/** Computes what a kernel is given. */
function computeInputs({ inputs, backend }: Call): void {
  const ledger = ledgerOf(backend);
  for (const info of Object.values(inputs) as (TensorInfo | undefined)[]) if (info) ledger.compute(info.dataId);
}

function replaceAll(): void {
  for (const { kernelName } of getKernelsForBackend("wasm")) {
    if (sharing.has(kernelName)) continue;
    const lazy = lazyKernels[kernelName] ?? reductions[kernelName];
    register(kernelName, (stock) => (call) => {
      const put = lazy?.(call);
      if (put) return put;
      computeInputs(call);
      return stock(call);
    });
  }
}

if (hasSimd()) {
  replaceAll();
  replaceGradients();
  // tfjs's own may be registered after this is loaded, but before the backend is made.
  registerKernel({
    ...{ kernelName: "HypergradSpreads", backendName: "wasm", kernelFunc: () => [] },
    setupFunc: replaceGradients,
  });
}
