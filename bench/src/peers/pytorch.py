"""A network's training in PyTorch. Reads requests as JSON lines, and answers each with one.

The first line describes the network; its weights and examples stand in a file, laid out as TensorFlow.js has them. Requests are
{"gradients": FILE}, answered with the loss and what PyTorch computes with, the gradients being written in the same layout, and {"steps": N}, answered with
the milliseconds that a training step takes by the clock and of the processor.
"""

import ctypes
import json
import math
import sys
import time

import torch
import torch.nn.functional as F

# How PyTorch's layout comes from that of TensorFlow.js, and how it goes back.
LAYOUTS = {"dense": (1, 0), "conv": (3, 2, 0, 1), "depthwise": (2, 3, 0, 1)}


def inverse(order):
    return [order.index(i) for i in range(len(order))]


def blas():
    """The library that products come from, and the kernels that it has chosen."""
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if ".so" in line and "blas" in line}
    for path in paths:
        try:
            core = ctypes.CDLL(path).openblas_get_corename
        except (AttributeError, OSError):
            continue
        core.restype = ctypes.c_char_p
        return "OpenBLAS", core().decode()
    built = torch.__config__.show()
    return ("MKL" if "BLAS_INFO=mkl" in built else "reference BLAS" if paths else "its own BLAS"), ""


def about():
    library, core = blas()
    capability = next((line.split(":")[1].strip() for line in torch.__config__.show().splitlines() if "CPU capability" in line), "?")
    return {"version": torch.__version__, "blas": library, "core": core, "capability": capability, "threads": torch.get_num_threads()}


def same(x, size, stride):
    """Padding as TensorFlow's "same": the odd one goes after. Returns x, and what convolution itself may pad."""
    around = []
    for length in (x.shape[3], x.shape[2]):
        total = max((math.ceil(length / stride) - 1) * stride + size - length, 0)
        around += [total // 2, total - total // 2]
    if len(set(around)) == 1:
        return x, around[0]
    return F.pad(x, around), 0


def conv(x, weights, layer, groups=1):
    stride = layer.get("stride", 1)
    weight = next(weights)
    bias = None if groups > 1 or layer.get("bias") is False else next(weights)
    x, padding = same(x, weight.shape[2], stride)
    return F.conv2d(x, weight, bias, stride, padding, 1, groups)


def attention(x, weights, heads):
    batch, tokens, width = x.shape
    q, k, v = F.linear(x, next(weights), next(weights)).view(batch, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    heard = torch.softmax(q @ k.transpose(2, 3) * (heads / width) ** 0.5, -1) @ v
    return F.linear(heard.transpose(1, 2).reshape(batch, tokens, width), next(weights), next(weights))


def residual(x, layers, weights):
    y = x
    for layer in layers:
        y = apply(y, layer, weights)
    return x + y


def tokens(x, weights):
    return torch.cat([next(weights).expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1) + next(weights)


OPERATIONS = {
    "dense": lambda x, weights, layer: F.linear(x, next(weights), next(weights)),
    "conv": conv,
    "depthwise": lambda x, weights, layer: conv(x, weights, layer, x.shape[1]),
    "batchNorm": lambda x, weights, layer: F.batch_norm(x, None, None, next(weights), next(weights), True, 0.1, 1e-3),
    "layerNorm": lambda x, weights, layer: F.layer_norm(x, x.shape[-1:], next(weights), next(weights), 1e-5),
    "maxPool": lambda x, weights, layer: F.max_pool2d(x, 2),
    "mean": lambda x, weights, layer: x.mean((2, 3)),
    "relu": lambda x, weights, layer: F.relu(x),
    "relu6": lambda x, weights, layer: F.relu6(x),
    "gelu": lambda x, weights, layer: F.gelu(x, approximate="tanh"),
    "flatten": lambda x, weights, layer: x.permute(0, 2, 3, 1).flatten(1),
    "tokens": lambda x, weights, layer: tokens(x, weights),
    "first": lambda x, weights, layer: x[:, 0],
    "attention": lambda x, weights, layer: attention(x, weights, layer["heads"]),
    "residual": lambda x, weights, layer: residual(x, layer["layers"], weights),
}


def apply(x, layer, weights):
    y = OPERATIONS[layer["op"]](x, weights, layer)
    return F.relu(y) if layer.get("activation") == "relu" else y


def read(task):
    """The weights, the pictures and their classes."""
    with open(task["file"], "rb") as file:
        numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    parts = numbers.split([math.prod(shape) for shape in task["shapes"]] + [task["batch"] * math.prod(task["input"])])
    weights = []
    for kind, shape, part in zip(task["kinds"], task["shapes"], parts):
        weight = part.view(shape)
        weights.append((weight.permute(LAYOUTS[kind]) if kind in LAYOUTS else weight).contiguous().clone().requires_grad_())
    x = parts[-1].view([task["batch"], *task["input"]])
    return weights, (x.permute(0, 3, 1, 2) if x.dim() == 4 else x).contiguous(), torch.tensor(task["labels"])


def main():
    torch.set_num_threads(int(sys.argv[1]))
    line = sys.stdin.readline()
    if not line:
        print(json.dumps(about()), flush=True)
        return
    task = json.loads(line)
    weights, x, labels = read(task)
    optimizer = torch.optim.AdamW(weights, lr=1e-3)

    def loss():
        y, taken = x, iter(weights)
        for layer in task["layers"]:
            y = apply(y, layer, taken)
        return F.cross_entropy(y, labels)

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss()
        value.backward()
        optimizer.step()
        return value.item()

    for line in sys.stdin:
        request = json.loads(line)
        if "gradients" in request:
            value = loss()
            gradients = torch.autograd.grad(value, weights)
            with open(request["gradients"], "wb") as file:
                for kind, gradient in zip(task["kinds"], gradients):
                    back = (gradient.permute(inverse(LAYOUTS[kind])) if kind in LAYOUTS else gradient).contiguous()
                    file.write(ctypes.string_at(back.data_ptr(), back.numel() * 4))
            answer = {"loss": value.item(), "about": about()}
        else:
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(request["steps"]):
                step()
            each = 1e3 / request["steps"]
            answer = {"wall": (time.perf_counter() - wall) * each, "cpu": (time.process_time() - cpu) * each}
        print(json.dumps(answer), flush=True)


main()
