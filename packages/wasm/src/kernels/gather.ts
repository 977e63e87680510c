/** Rows by their indices, such as those of an embedding: each is a run that is copied. */
import { backend_util, GatherV2, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { address, type Kernel, register, sizeOf } from "./backend.js";
import { checkInputs } from "./entrance.js";
import { machineOf } from "./machine.js";

/** Refuses an index of what is not there. */
function checkIndices(indices: Int32Array, rows: number): void {
  for (const index of indices) {
    if (!(index >= 0 && index < rows)) {
      // The words of the other backends.
      throw new Error(`GatherV2: the index value ${index} is not in [0, ${rows - 1}]`);
    }
  }
}

register(
  GatherV2,
  (): Kernel =>
    ({ inputs, attrs, backend }) => {
      const { x, indices } = inputs as { x: TensorInfo; indices: TensorInfo };
      checkInputs(GatherV2, { indices: { dtype: "int32", least: 0, most: 6, optional: false } }, { indices });
      const axis = util.parseAxisParam(attrs["axis"] as number, x.shape)[0]!;
      checkIndices(backend.typedArrayFromHeap(indices) as Int32Array, x.shape[axis]!);
      const { batchSize, outerSize, dimSize, sliceSize, outputShape } =
        backend_util.segment_util.collectGatherOpShapeInfo(
          x as never,
          indices as never,
          axis,
          attrs["batchDims"] as number,
        );
      const out = backend.makeOutput(outputShape, x.dtype);
      if (sizeOf(out) === 0) return out;
      const each = sizeOf(indices) / batchSize;
      const bytes = sliceSize * util.bytesPerElement(x.dtype);
      const places = [x, indices, out].map((info) => address(backend, info)) as [number, number, number];
      machineOf(backend).gather(...places, batchSize, outerSize, dimSize, each, bytes);
      return out;
    },
);
