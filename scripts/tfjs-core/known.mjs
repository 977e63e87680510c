/**
 * The tests of TensorFlow.js's operations that fail on its WASM backend, with @hypergrad/wasm or without, by reason. `node scripts/kernels.mjs` reports a failure
 * that is not among them, and one among them that passes.
 */
export const known = [
  {
    reason: "The backend has no complex numbers, and no Fourier transforms.",
    tests: [
      /^(1D|2D|3D) I?R?FFT /,
      /^stft /,
      /^(abs|clone|complex64|tensor|tensor\.toString|tensor with 0 in shape|transpose) .*(?<!non-)complex(?!64 throws)/,
      /^complex64 tf\.(complex|real|imag)/,
      /^(add|sub|mul) complex number/,
      /^(add|sub) upcasts when dtypes dont match/,
      /^concat[123]d concat complex input/,
      /^onesLike \dD complex/,
      /^encodeWeights (Complex64|Mixed dtype) tensors/,
      /^decodeWeights from (arraybuffer|stream) Mixed dtype/,
      /^util\.toNestedArray for a complex tensor tensor to nested array/,
    ],
  },
  {
    reason: "The backend has no ragged tensors.",
    tests: [/^ragged(Gather|Range|TensorToTensor) /],
  },
  {
    reason: "Strings are not on the backend's heap; @hypergrad/wasm says so.",
    tests: [
      /^(equal|greater|greaterEqual|less|lessEqual|notEqual) should support string comparison/,
      /^fill \dD fill string/,
      /^sparseToDense should work for string/,
      /^squeeze (default|specific dimension|all ones|squeeze only ones)/,
      /^staticRegexReplace /,
      /^tile \dd string tensor/i,
      /^tensor\.toString \dd long string tensor verbose/,
    ],
  },
  {
    reason: "Matrix products are of float32: XNNPACK has no others, and @hypergrad/wasm says so.",
    tests: [
      /^confusionMatrix (\dx\d|float32|Plain|Int32)/,
      /^matmul upcasts when dtypes dont match/,
      /^dtypes Should use the input tensor dtype/,
    ],
  },
  {
    reason: "The backend's Bincount takes the rows of an image for vectors of their own.",
    tests: [/^threshold method otsu/],
  },
];
