/** Registers the kernels that training needs: importing a file is registering what it has. */
import "./types.js";
import "./booleans.js";
import "./prelu.js";
import "./identity.js";
import "./clip.js";
import "./transpose.js";
import "./tile.js";
import "./slices.js";
import "./joins.js";
import "./gather.js";
import "./matmul.js";
import "./convolution.js";
import "./depthwise.js";
import "./pooling.js";
import "./volumes.js";
import "./dilation.js";
import "./segments.js";
import "./reduce.js";
import "./softmax.js";
import "./gradients.js";
import "./einsum.js";
// Of all kernels, so it comes last.
import "./guards.js";
