/** The gradient of a gather, hence of an embedding: rows summed by segment. */
import { type TensorInfo, UnsortedSegmentSum, util } from "@tensorflow/tfjs-core";
import { address, type Kernel, register, sizeOf, zeros } from "./backend.js";
import { checkShape, refuse } from "./entrance.js";
import { machineOf } from "./machine.js";

register(
  UnsortedSegmentSum,
  (): Kernel =>
    ({ inputs, attrs, backend }) => {
      const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
      const segments = attrs["numSegments"] as number;
      if (segmentIds.dtype !== "int32" || (x.dtype !== "float32" && x.dtype !== "int32")) {
        refuse(
          UnsortedSegmentSum,
          `sums float32 or int32 values by int32 ids, and was given ${x.dtype} values and ${segmentIds.dtype} ids. Cast them.`,
        );
      }
      // An id for each row: the first axes of x are those of the ids.
      checkShape(
        UnsortedSegmentSum,
        "segmentIds",
        segmentIds,
        x.shape.slice(0, segmentIds.shape.length),
        "as x begins",
      );
      const inner = x.shape.slice(segmentIds.shape.length);
      const out = zeros(backend, [segments, ...inner], x.dtype);
      machineOf(backend)[x.dtype === "float32" ? "segment_sum_f32" : "segment_sum_i32"](
        address(backend, x),
        address(backend, segmentIds),
        address(backend, out),
        sizeOf(segmentIds),
        util.sizeFromShape(inner),
        segments,
      );
      return out;
    },
);
