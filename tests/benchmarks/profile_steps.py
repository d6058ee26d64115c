"""Where the time of a training step goes, and what single operations of the backend reach.

    python tests/benchmarks/profile_steps.py shares                       # TensorFlow
    KERAS_BACKEND=jax python tests/benchmarks/profile_steps.py operations

shares      the operations' own seconds of one call of `fit` by kind, from TensorFlow's profiler,
            for a GAN and a flow of pixels, a VAE and a flow from texts; on emoji, or without the
            last on other data (--data)
operations  GFLOP/s of a dense layer, of convolutions and of their gradients, in shapes of our
            recipes, beside the product of two large matrices; compiled, on the backend of Keras

Each process should have the machine to itself.  `throughput.md` says what came of it.
"""

import argparse
import collections
import glob
import tempfile
import time

import gentut  # before TensorFlow

# isort: split
import flops
import keras
import numpy as np

from gentut import data
from gentut.training import devices

FAMILIES = ("gan", "vae", "flow", "text_flow")
STEPS = 24  # of a profiled epoch
KINDS = {  # what is in the name of an operation, the first that fits
    "optimizer": (),
    "convolution, gradient of weights": ("BackpropFilter",),
    "convolution, gradient of input": ("BackpropInput",),
    "convolution": ("Conv2D", "Conv"),
    "matrix product": ("MatMul", "Einsum"),
    "weights assigned": ("ResourceApply", "AssignSub", "AssignAdd", "AssignVariable"),
    "normalisation": ("Norm", "Moments", "Rsqrt"),
    "random numbers": ("Random",),
    "copies and layout": ("Transpose", "Reshape", "Concat", "Slice", "Pad", "Tile", "Gather"),
    "sums over pixels": ("BiasAdd", "Sum", "Mean", "Max", "Softmax"),
}
BATCH = 64
LAYERS = {  # height, channels in, channels out, kernel, stride
    "convolution 3×3, 16×16×32 to 32": (16, 32, 32, 3, 1),
    "convolution 3×3, 8×8×64 to 64": (8, 64, 64, 3, 1),
    "convolution 4×4 by 2, 16×16×32 to 64": (16, 32, 64, 4, 2),
    "convolution 1×1, 16×16×32 to 64": (16, 32, 64, 1, 1),
}
SECONDS = 1.0


def kind_of(place, operation):
    """The kind of an operation; what the optimizers do is of one kind, whatever it is."""
    if any(part in ("adam", "muon") for part in place.split("/")):
        return "optimizer"
    for kind, parts in KINDS.items():
        if any(part in operation for part in parts):
            return kind
    return "element by element"


def profiled(family, images, texts=None, steps=STEPS):
    """Seconds of the operations in one epoch of so many steps, by kind; the epoch's seconds."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    gentut.seed(0)
    model = gentut.build(family, images.shape[1:])
    if hasattr(model, "vae_first"):
        model.vae_first = 0.0  # the flow and its VAE in the same step
    images = images[: steps * model.default_batch_size]
    texts = texts and texts[: len(images)]
    model.fit(images, texts, verbose=0)  # builds the graph
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        start = time.perf_counter()
        model.fit(images, texts, verbose=0)
        seconds = time.perf_counter() - start
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace()
        (file,) = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
        with open(file, "rb") as stored:
            space.ParseFromString(stored.read())
    return by_kind(space), seconds


def by_kind(space):
    """Seconds of the operations of a profile by kind."""
    found = collections.Counter()
    for plane in space.planes:
        if plane.name != "/host:CPU":
            continue
        for line in plane.lines:
            for event in line.events:
                place, _, operation = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if place and ":" not in place and operation.isidentifier():  # "place:Operation"
                    found[kind_of(place, operation)] += event.duration_ps / 1e12
    return found


def shares(families, name):
    lines = [
        "| kind of operation | " + " | ".join(families) + " |",
        "|---|" + "---:|" * len(families),
    ]
    found, (images, _) = {}, data.load(name, "train")
    for family in families:
        keras.backend.clear_session()
        texts = data.emoji.prompts("train") if family == "text_flow" else None
        found[family], seconds = profiled(family, images, texts)
        total = sum(found[family].values())
        print(f"{family}: {total:.2f} s of operations in {seconds:.2f} s", flush=True)
    for kind in [*KINDS, "element by element"]:
        cells = [f"{found[f][kind] / sum(found[f].values()):.0%}" for f in families]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return lines


def rate(function, *arrays, count):
    """GFLOP/s of a compiled function that does ``count`` FLOPs: the best of many calls."""
    for _ in range(3):  # the first compiles
        wait(function(*arrays))
    best, end = np.inf, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        wait(function(*arrays))
        best = min(best, time.perf_counter() - start)
    return count / best / 1e9


def wait(result):
    """Until an asynchronous backend is done."""
    return getattr(result, "block_until_ready", lambda: result)()


def gradient(function, argument):
    """``(*arrays, top)`` -> gradient with respect to one of the arrays, compiled on the backend."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(lambda *given: jax.vjp(function, *given[:-1])[1](given[-1])[argument])
    if backend == "torch":
        import torch

        def pull(*given):
            arrays = [array.detach() for array in given[:-1]]
            arrays[argument].requires_grad_(True)
            return torch.autograd.grad(function(*arrays), arrays[argument], given[-1])[0]

        return pull
    import tensorflow as tf

    @tf.function
    def taped(*given):
        with tf.GradientTape() as tape:
            tape.watch(given[argument])
            result = function(*given[:-1])
        return tape.gradient(result, given[argument], output_gradients=given[-1])

    return taped


def forward(function):
    """The function itself, compiled on the backend."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(function)
    if backend == "torch":
        import torch

        return torch.no_grad()(function)
    import tensorflow as tf

    return tf.function(function)


def operations():
    rng = np.random.default_rng(0)

    def array(*shape):
        return keras.ops.convert_to_tensor(rng.standard_normal(shape).astype("float32"))

    product = flops.matmul_rate() / 1e9
    lines = [
        f"Product of two {flops.SIDE}×{flops.SIDE} matrices: {product:.0f} GFLOP/s.",
        "",
        "| GFLOP/s of | forward | gradient of input | gradient of weights |",
        "|---|---:|---:|---:|",
    ]
    for name, (size, inner, outer, kernel, stride) in LAYERS.items():

        def convolve(x, weights, stride=stride):
            return keras.ops.conv(x, weights, stride, "same", data_format="channels_last")

        x, weights = array(BATCH, size, size, inner), array(kernel, kernel, inner, outer)
        lines.append(_row(name, convolve, x, weights, array(BATCH, *[size // stride] * 2, outer)))
        print(lines[-1], flush=True)
    x, weights = array(BATCH, 1024), array(1024, 256)
    lines.append(_row("dense layer, 1024 to 256", keras.ops.matmul, x, weights, array(BATCH, 256)))
    return lines


def _row(name, function, x, weights, top):
    count = 2 * np.prod(weights.shape) * np.prod(top.shape[:-1])
    rates = [
        rate(forward(function), x, weights, count=count),
        *(rate(gradient(function, i), x, weights, top, count=count) for i in (0, 1)),
    ]
    return f"| {name} | " + " | ".join(f"{value:.0f}" for value in rates) + " |"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("shares", "operations"))
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--data", default="emoji", help="for the shares of all but text_flow")
    options = parser.parse_args(arguments)
    if options.what == "shares" and keras.backend.backend() != "tensorflow":
        parser.error(f"KERAS_BACKEND must be tensorflow; received {keras.backend.backend()}")
    if options.data != "emoji" and "text_flow" in options.families:
        parser.error("--data must be emoji for text_flow, which has texts of emoji alone")
    shown = options.what == "shares"
    lines = shares(options.families, options.data) if shown else operations()
    facts = devices.environment()
    print(*lines, "", ", ".join(f"{key} {value}" for key, value in facts.items()), sep="\n")


if __name__ == "__main__":
    main()
