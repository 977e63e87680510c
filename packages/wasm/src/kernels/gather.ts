/** Gathering from each of several pictures, rows, …: the stock kernel reads past the end of their indices. Here they are indices into all of them at once. */
import { backend_util, GatherV2, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { type Kernel, register, view, withTemporaries } from "./backend.js";
import { refuse } from "./entrance.js";

register(
  GatherV2,
  (stock): Kernel =>
    (call) => {
      const { x, indices } = call.inputs as { x: TensorInfo; indices: TensorInfo };
      const { axis, batchDims } = call.attrs as { axis: number; batchDims: number };
      if (batchDims === 0) return stock(call);
      const { backend } = call;
      const at = util.parseAxisParam(axis, x.shape)[0] as number;
      const { batchSize, outerSize, dimSize, sliceSize, outputShape } =
        backend_util.segment_util.collectGatherOpShapeInfo(x as never, indices as never, at, batchDims);
      const given = backend.readSync(indices.dataId) as Int32Array;
      const each = given.length / batchSize;
      const all = Int32Array.from({ length: batchSize * outerSize * each }, (_, i) => {
        const row = Math.floor(i / each);
        const index = given[Math.floor(row / outerSize) * each + (i % each)] as number;
        if (index < 0 || index >= dimSize) refuse(GatherV2, `finds the index ${index} not in [0, ${dimSize - 1}].`);
        return row * dimSize + index;
      });
      return withTemporaries(backend, (keep) => {
        const flat = keep(backend.makeOutput([all.length], "int32", undefined, all));
        const inputs = { x: view(x, [batchSize * outerSize * dimSize, sliceSize]), indices: flat };
        return view(stock({ backend, inputs, attrs: { axis: 0, batchDims: 0 } }), outputShape);
      });
    },
);
