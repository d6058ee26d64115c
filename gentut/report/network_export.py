"""A Keras network as data that a page can run: a list of operations, and the weights, rounded.

``playground_page/network.js`` reads and runs what this file writes.  One input at a time: no axis
of a batch.  Transposed kernels are stored ``(rows, columns, in, out)``, as the others.

Weights of two or more axes become whole multiples of a step, one step for each output, which is
``coarseness`` times the root mean square of that output's weights: small multiples are frequent,
and compress well.  All other numbers are stored in half precision.
"""

import base64
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops, tree

ACTIVATIONS = ("linear", "relu", "silu", "gelu", "tanh", "sigmoid")
LARGEST = 127  # of the multiples: they are signed bytes
SMALLEST_STEP = 1e-4  # half precision has enough digits from there on


def program(network: keras.Model) -> tuple[dict, list[np.ndarray]]:
    """Return the operations of a functional network, JSON-able, and the arrays that they name.

    Args:
        network: of one output; each layer used once.

    Raises:
        ValueError: names the first layer that has no counterpart in the page.
    """
    numbers, arrays, steps = {}, [], []
    for tensor in network.inputs:
        numbers[id(tensor)] = len(numbers)

    def keep(array):
        arrays.append(np.asarray(array, "float32"))
        return len(arrays) - 1

    for operation in network.operations:
        kind = type(operation).__name__
        if kind == "InputLayer":
            continue
        if kind not in OPERATIONS or len(operation._inbound_nodes) != 1:
            raise ValueError(
                f"`network` must be made of {', '.join(sorted(OPERATIONS))}, each used once;"
                f" received {operation.name!r}, a {kind}."
            )
        node = operation._inbound_nodes[0]
        given = tree.flatten((node.arguments.args, node.arguments.kwargs))
        inputs = [x for x in given if isinstance(x, KerasTensor)]
        step = OPERATIONS[kind](operation, inputs, node.arguments.args, keep)
        step["inputs"] = [
            numbers[id(x)] if isinstance(x, KerasTensor) else {"number": float(x)}
            for x in step.get("inputs", inputs)
        ]
        (output,) = node.output_tensors
        numbers[id(output)] = len(numbers)
        steps.append({**step, "shape": list(output.shape[1:]), "output": numbers[id(output)]})
    (output,) = network.outputs
    shapes = [list(tensor.shape[1:]) for tensor in network.inputs]
    return {"inputs": shapes, "steps": steps, "output": numbers[id(output)]}, arrays


# ---------------------------------------------------------------- one function for each kind


def _values(variable):
    return ops.convert_to_numpy(variable)


def _activation(layer):
    name = getattr(layer.activation, "__name__", "?")
    if name not in ACTIVATIONS:
        raise ValueError(
            f"`activation` must be one of {', '.join(ACTIVATIONS)}; received {name!r} in"
            f" {layer.name!r}."
        )
    return name


def _bias(layer, keep):
    return keep(_values(layer.bias)) if layer.use_bias else None


def _dense(layer, inputs, args, keep):
    kernel, bias = keep(_values(layer.kernel)), _bias(layer, keep)
    return {"do": "dense", "kernel": kernel, "bias": bias, "activation": _activation(layer)}


def _convolution(layer, inputs, args, keep):
    transposed = type(layer).__name__ == "Conv2DTranspose"
    size, stride = layer.kernel_size[0], layer.strides[0]
    whole = layer.padding == "same" or size == stride  # then both paddings are the same
    plain = whole and layer.data_format == "channels_last"
    square = (size, size) == layer.kernel_size and (stride, stride) == layer.strides
    if not (
        plain and square and layer.dilation_rate == (1, 1) and getattr(layer, "groups", 1) == 1
    ):
        raise ValueError(
            "`network` must have square convolutions with padding='same', one group and no"
            f" dilation; received {layer.name!r}."
        )
    if transposed and size < stride:
        raise ValueError(f"`kernel_size` must not be below the stride; received {layer.name!r}.")
    kernel = _values(layer.kernel)
    kernel = keep(np.swapaxes(kernel, 2, 3) if transposed else kernel)
    return {
        "do": "transposed convolution" if transposed else "convolution",
        "size": size,
        "stride": stride,
        "kernel": kernel,
        "bias": _bias(layer, keep),
        "activation": _activation(layer),
    }


def _batch_normalization(layer, inputs, args, keep):
    """With the statistics fixed it is a scale and a shift."""
    scale = 1 / np.sqrt(_values(layer.moving_variance) + layer.epsilon)
    scale = scale * _values(layer.gamma) if layer.scale else scale
    shift = -_values(layer.moving_mean) * scale
    shift = shift + _values(layer.beta) if layer.center else shift
    return {"do": "scale and shift", "scale": keep(scale), "shift": keep(shift)}


def _layer_normalization(layer, inputs, args, keep):
    gamma = keep(_values(layer.gamma)) if layer.scale else None
    beta = keep(_values(layer.beta)) if layer.center else None
    return {"do": "layer normalization", "gamma": gamma, "beta": beta, "epsilon": layer.epsilon}


def _attention(layer, inputs, args, keep):
    parts = {
        name: [keep(_values(part.kernel)), keep(_values(part.bias))]
        for name in ("query", "key", "value", "out")
        for part in [getattr(layer, name)]
    }
    return {"do": "attention", "heads": layer.heads, **parts}


def _get_item(operation, inputs, args, keep):
    """Ranges along the axes; an axis taken out or put in changes the shape alone."""
    x, key = args[0], args[1]
    sizes, ranges = list(x.shape[1:]), []
    key = [part for part in (key if isinstance(key, tuple) else (key,)) if part is not None]
    for axis, part in enumerate(key[1:]):
        if isinstance(part, slice):
            start, stop, stride = part.indices(sizes[axis])
            if stride != 1:
                raise ValueError(f"`network` must take slices in steps of 1; received {part}.")
        else:
            start, stop = part % sizes[axis], part % sizes[axis] + 1
        ranges.append([start, stop])
    ranges += [[0, size] for size in sizes[len(ranges) :]]
    return {"do": "take", "ranges": ranges}


def _two(name):
    return lambda operation, inputs, args, keep: {"do": name, "inputs": list(tree.flatten(args))}


def _same(name, **settings):
    return lambda layer, inputs, args, keep: {"do": name, **settings}


def _sum(operation, inputs, args, keep):
    axis = operation.axis[0] if isinstance(operation.axis, list | tuple) else operation.axis
    return {"do": "sum", "axis": axis % len(inputs[0].shape) - 1}


def _concatenate(operation, inputs, args, keep):
    return {"do": "concatenate", "axis": operation.axis % len(inputs[0].shape) - 1}


def _from_gaussian(layer, inputs, args, keep):
    if (layer.path_name, layer.prediction) != ("straight", "velocity"):
        raise ValueError(
            "`network` must predict the velocity on the straight path; received"
            f" {layer.prediction!r} on the {layer.path_name!r} one."
        )
    return {"do": "from gaussian", "spread": layer.spread}


OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "Dense": _dense,
    "Conv2D": _convolution,
    "Conv2DTranspose": _convolution,
    "Embedding": lambda layer, inputs, args, keep: {
        "do": "look up",
        "rows": keep(_values(layer.embeddings)),
    },
    "Learned": lambda layer, inputs, args, keep: {
        "do": "add learned",
        "array": keep(_values(layer.array)),
    },
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "Attention": _attention,
    "Activation": lambda layer, inputs, args, keep: {
        "do": "activation",
        "activation": _activation(layer),
    },
    "ReLU": lambda layer, inputs, args, keep: {"do": "activation", "activation": "relu"},
    "Rescaling": lambda layer, inputs, args, keep: {
        "do": "rescale",
        "scale": float(layer.scale),
        "offset": float(layer.offset),
    },
    "TimeFeatures": lambda layer, inputs, args, keep: {
        "do": "time features",
        "octaves": layer.octaves,
    },
    "FromGaussian": _from_gaussian,
    "Concatenate": _concatenate,
    "GetItem": _get_item,
    "Sum": _sum,
    "Add": _two("add"),
    "Multiply": _two("multiply"),
    "Divide": _two("divide"),
    "TrueDivide": _two("divide"),
    "Maximum": _two("maximum"),
    "NotEqual": _two("differs"),
    "OnesLike": _same("ones"),
    "Cast": _same("same"),
    "Dropout": _same("same"),
    "Flatten": _same("same"),
    "Reshape": _same("same"),
}


# ---------------------------------------------------------------- weights as bytes


def rounded(array: np.ndarray, coarseness: float) -> tuple[np.ndarray, np.ndarray]:
    """Return whole multiples, int8 as ``array``, and their steps, float16, one per last index.

    ``multiples * steps`` is the array as the page has it.
    """
    axes = tuple(range(array.ndim - 1))
    step = coarseness * np.sqrt((array**2).mean(axis=axes))
    step = np.maximum(step, np.abs(array).max(axis=axes) / LARGEST)
    step = np.maximum(step, SMALLEST_STEP).astype("float16")
    multiples = np.round(array / step.astype("float32"))
    return np.clip(multiples, -LARGEST, LARGEST).astype("int8"), step


def packed(content: dict, arrays: Sequence[np.ndarray], coarseness: float) -> bytes:
    """Return JSON-able content and arrays as one compressed file.

    In it: the length of the JSON text, that text, all multiples, all half-precision numbers.
    """
    multiples, halves = [], []
    for array in arrays:
        if array.ndim < 2:
            halves.append(array.astype("float16"))
        else:
            whole, step = rounded(array, coarseness)
            multiples.append(whole)
            halves.append(step)
    content = {**content, "shapes": [array.shape for array in arrays]}
    header = json.dumps(content, ensure_ascii=False).encode()
    parts = [struct.pack("<I", len(header)), header]
    parts += [part.tobytes() for part in (*multiples, *halves)]
    # Multiples repeat by chance only; a code by frequency alone is smaller and as simple to read.
    deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_HUFFMAN_ONLY)
    return deflate.compress(b"".join(parts)) + deflate.flush()


def as_text(file: bytes) -> str:
    """Return a file in base 85, which has a digit before it: how many bytes only fill up the end.

    A comma stands for the "<", which could end a script block of HTML.
    """
    return f"{-len(file) % 4}{base64.b85encode(file, pad=True).decode().replace('<', ',')}"


def text_length(file: bytes) -> int:
    """Return the length of ``as_text``, sooner than by making it."""
    return 1 + 5 * -(-len(file) // 4)


@contextmanager
def rounded_weights(network: keras.Model, coarseness: float) -> Iterator[None]:
    """Give a network the weights that ``packed`` would store, for as long as the context lasts."""
    before = network.get_weights()
    for layer in network._flatten_layers(include_self=False):
        for variable in (*layer._trainable_variables, *layer._non_trainable_variables):
            array = _values(variable)
            if array.ndim < 2:
                variable.assign(array.astype("float16").astype("float32"))
                continue
            swap = type(layer).__name__ == "Conv2DTranspose"
            array = np.swapaxes(array, 2, 3) if swap else array
            multiples, step = rounded(array, coarseness)
            array = multiples * step.astype("float32")
            variable.assign(np.swapaxes(array, 2, 3) if swap else array)
    try:
        yield
    finally:
        network.set_weights(before)
