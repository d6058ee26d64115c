"""What computes: the backend, its devices, and the processes that train together.

This folder alone knows which Keras backend is running.
"""

import contextlib
import functools
import os
import platform
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import keras
import numpy as np
from keras import ops

from gentut import startup
from gentut.checks import check_positive

BACKEND = keras.backend.backend()
if BACKEND == "tensorflow":
    import tensorflow as tf

    with startup.quiet_start():  # drivers without a GPU, as on Colab, are no fault
        _gpus = tf.config.list_physical_devices("GPU")
    for _gpu in _gpus:
        with contextlib.suppress(RuntimeError):  # it computes already
            # Else TensorFlow takes all memory at once, and a second program has none.
            tf.config.experimental.set_memory_growth(_gpu, True)
elif BACKEND == "jax":
    import jax
elif BACKEND == "torch":
    import torch
else:
    raise ImportError(
        f"gentut runs on the Keras backends tensorflow, jax and torch; received {BACKEND!r}."
        " Set the environment variable KERAS_BACKEND before Python starts."
    )
# Not changed here: other code may want its own.
for _name, _value, _needed in startup.keras_settings():
    if _value != _needed:
        raise ImportError(
            f"gentut needs Keras' setting `{_name}` to be {_needed!r}; received {_value!r}. Change"
            " it in keras.json (in ~/.keras, or where KERAS_HOME points), or call"
            f" keras.config.set_{_name}({_needed!r}) before gentut is imported."
        )

# What losses, networks and steps compute with: an array of whichever backend runs, traced or not.
# The three backends have no common class for it.
Tensor = Any

# Environment variables of a training by several processes, which Keras reads in
# `keras.distribution.initialize`: the addresses of all processes, and how many there are.
HOSTS, PROCESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES", "KERAS_DISTRIBUTION_NUM_PROCESSES"

# Words, in small letters, by which TensorFlow, JAX, PyTorch, NumPy and the system say that
# memory is full.
MEMORY_IS_FULL = (
    "resource_exhausted",
    "resourceexhausted",
    "out of memory",
    "outofmemory",
    "oom when allocating",
    "dst tensor is not initialized",
    "bad_alloc",
    "alloc_failed",
    "defaultcpuallocator",
    "allocate memory",
    "unable to allocate",
)


class ProcessesLost(RuntimeError):
    """Another process of a training ended or cannot be reached."""


def tells_of_lost_processes(error: BaseException) -> bool:
    """Tell whether an error of JAX (it has no class of its own) says that others are lost."""
    signs = ("Gloo", "NCCL", "UNAVAILABLE", "coordination service")
    return process()[1] > 1 and any(sign in str(error) for sign in signs)


def device() -> str:
    """Return "GPU" or "CPU": what the backend computes on."""
    if BACKEND == "tensorflow":
        return "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if BACKEND == "jax":
        return jax.default_backend().upper()
    return "GPU" if torch.cuda.is_available() else "CPU"


def environment() -> dict[str, str]:
    """Return versions and the kind of machine, without its name, paths or user."""
    packages = {}
    for name in ("gentut", "keras", BACKEND, "numpy"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed as a package"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    kind = "" if device() == "CPU" else f"{device()}, "
    return {
        "python": platform.python_version(),
        **packages,
        "backend": BACKEND,
        "device": f"{kind}{cores} CPU core{'s' * (cores != 1)} ({platform.machine()})",
        "system": platform.system(),
    }


def onednn() -> str:
    """Tell whether TensorFlow on a CPU has oneDNN, "on" or "off"; elsewhere "" (it is not used)."""
    if BACKEND != "tensorflow" or device() != "CPU":
        return ""
    if startup.TOO_LATE and platform.machine().lower() in ("x86_64", "amd64"):
        with contextlib.suppress(ImportError):
            from tensorflow.python.util._pywrap_util_port import IsMklEnabled  # nothing public says

            return "on" if IsMklEnabled() else "off"
    return "off" if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0" else "on"


def tell_of_slow_kernels() -> None:
    """Warn where TensorFlow was imported before gentut and lacks what makes it fast on this CPU."""
    if startup.TOO_LATE and onednn() == "off":
        warnings.warn(
            "TensorFlow was imported before gentut and runs without its oneDNN kernels: on this"
            " processor training takes two to three times as long. Restart Python and import gentut"
            " first.",
            UserWarning,
            stacklevel=3,
        )


def fetch_state(model: keras.Model) -> None:
    """Bring the variables of a model in training up to date: JAX holds their values elsewhere."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of any backend says that memory is full."""
    text = f"{type(error).__name__}: {error}".lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in MEMORY_IS_FULL)


def use_devices(count: int | str = "auto") -> int:
    """Share out every batch among several devices; to be called before a model is built.

    TensorFlow: the GPUs of one machine, by ``tf.distribute.MirroredStrategy``.  JAX: those of one
    machine or of many, by ``keras.distribution.DataParallel``; every process of a training on many
    machines calls this, with KERAS_DISTRIBUTION_JOB_ADDRESSES, …_NUM_PROCESSES and …_PROCESS_ID
    in its environment (see ``keras.distribution.initialize``).

    A training ends with the weights of one device that sees the whole batch, but for rounding:
    gradients are averaged over all images, and noise is that of the whole batch.

    Args:
        count: devices of this process; "auto" means all its GPUs, or 1 where there is none.
            Without a GPU, that many parts of the CPU, which share its cores: to try things out,
            not to be faster.  1 turns it off again, in a single process.

    Returns:
        The number of devices of all processes.

    Raises:
        ValueError: ``count`` is no number of devices that are there.
        RuntimeError: the backend cannot, or has begun to compute, so that its CPU is whole.
    """
    if count != "auto":
        check_positive("count", count)
    several = one_of_several()
    if several and BACKEND != "jax":
        raise RuntimeError(
            f"several processes train together on JAX only (KERAS_BACKEND=jax); received {BACKEND}"
            f" with {PROCESSES} or {HOSTS} in the environment."
        )
    if BACKEND == "tensorflow":
        return _mirror(count)
    if BACKEND == "jax":
        return _parallel(count, several)
    if count not in ("auto", 1):
        raise RuntimeError(
            "several devices need TensorFlow or JAX (KERAS_BACKEND=jax); received torch with"
            f" count={count}."
        )
    return 1


def one_of_several() -> bool:
    """Tell whether the environment says that this process trains together with others."""
    return os.environ.get(PROCESSES, "1") != "1" or "," in os.environ.get(HOSTS, "")


def _mirror(count):
    found = tf.config.list_physical_devices("GPU")
    kind = "GPU" if found else "CPU"
    count = max(1, len(found)) if count == "auto" else count
    if count == 1:
        tf.distribute.experimental_set_strategy(None)
        return 1
    if kind == "CPU":
        parts = [tf.config.LogicalDeviceConfiguration()] * count
        with contextlib.suppress(RuntimeError):  # TensorFlow has begun to compute
            tf.config.set_logical_device_configuration(
                tf.config.list_physical_devices("CPU")[0], parts
            )
    _require(count, len(tf.config.list_logical_devices(kind)), kind)
    names = [f"{kind}:{i}" for i in range(count)]
    # Not the default, collective operations: those of two networks in one step have no fixed order,
    # and devices that meet in different orders fail or wait for ever (seen with 2.21).
    distribute = tf.distribute
    meeting = distribute.HierarchicalCopyAllReduce if found else distribute.ReductionToOneDevice
    distribute.experimental_set_strategy(distribute.MirroredStrategy(names, meeting()))
    return count


def _parallel(count, several):
    if count not in ("auto", 1):
        with contextlib.suppress(RuntimeError):  # JAX has begun to compute
            jax.config.update("jax_num_cpu_devices", count)
    if several and not jax.distributed.is_initialized():
        keras.distribution.initialize()
    kind, here = device(), jax.local_device_count()
    if count == "auto":
        count = here if kind == "GPU" else 1
    _require(count, here, kind)
    if count == 1 and not several:
        keras.distribution.set_distribution(None)
        return 1
    chosen, taken = [], {}
    for one in jax.devices():
        taken[one.process_index] = taken.get(one.process_index, 0) + 1
        if taken[one.process_index] <= count:
            chosen.append(f"{one.platform}:{one.id}")
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False)
    )
    return len(chosen)


def _require(count, here, kind):
    if count <= here:
        return
    if kind == "CPU":
        raise RuntimeError(
            f"`use_devices({count})` must come before anything is computed: {BACKEND} has begun,"
            f" with the CPU in {here} part{'s' * (here > 1)}."
        )
    raise ValueError(f"`count` must be at most the {here} {kind}s of this machine; got {count}.")


def device_count() -> int:
    """Return among how many devices a batch is shared out."""
    if BACKEND == "tensorflow":
        return tf.distribute.get_strategy().num_replicas_in_sync
    if BACKEND == "jax":
        distribution = keras.distribution.distribution()
        return 1 if distribution is None else distribution.num_model_replicas
    return 1


def compile_options() -> dict:
    """Return settings of ``keras.Model.compile`` that suit this backend and machine.

    XLA pays on a GPU and is required by JAX; on a CPU TensorFlow's XLA convolutions are many
    times slower than its own.  Several steps per call save the trip through Python.  What devices
    tell each other can stand neither inside XLA nor inside a loop of TensorFlow's.  Losses are not
    scaled by Keras' optimizers: in float16 the step itself does that (see ``gradients``).
    """
    options = {"jit_compile": BACKEND == "jax", "auto_scale_loss": False}
    if BACKEND == "tensorflow":
        alone = device_count() == 1
        options["jit_compile"] = alone and device() == "GPU"
        options["steps_per_execution"] = 8 if alone else 1
    return options


def compiled(network: keras.Model) -> Callable[[Any], Tensor]:
    """Return a function of inputs -> outputs of ``network``, not in training, faster when repeated.

    TensorFlow and JAX trace it once, and pay for that at the first call; PyTorch runs it as it is.
    """
    if BACKEND == "tensorflow":
        return tf.function(functools.partial(network, training=False), reduce_retracing=True)
    if BACKEND == "jax":

        @jax.jit
        def run(trainable, others, inputs):
            return network.stateless_call(trainable, others, inputs, training=False)[0]

        def call(inputs):
            groups = network.trainable_variables, network.non_trainable_variables
            return run(*([v.value for v in group] for group in groups), inputs)

        return call
    return functools.partial(network, training=False)


def replica() -> tuple[Tensor, int]:
    """Return, in a step that runs once on each device, which one this is, and of how many.

    JAX writes one step for all devices, and so has always (0, 1).
    """
    if BACKEND == "tensorflow" and (context := tf.distribute.get_replica_context()) is not None:
        count = context.num_replicas_in_sync
        return (context.replica_id_in_sync_group, count) if count > 1 else (0, 1)
    return 0, 1


def per_image(draw: Callable[[Tensor], Tensor], n: int | Tensor, copies: int = 1) -> Tensor:
    """Draw random numbers for the ``n`` images of this device, those that one device would draw.

    Args:
        draw: function of a number of rows -> tensor ``(rows, …)``; the same on every device.
        n: rows that this device needs.
        copies: how often its images stand one after the other in these rows.
    """
    index, count = replica()
    if count == 1:
        return draw(n)
    every = draw(n * count)
    shape = ops.shape(every)[1:]
    every = ops.reshape(every, (copies, count, n // copies, *shape))
    return ops.reshape(every[:, index], (n, *shape))


def mean_over_replicas(values: Tensor) -> Tensor:
    """Average a tensor over the devices of a step, with its gradient."""
    if replica()[1] == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, values)


def process() -> tuple[int, int]:
    """Return which of the processes of a training this is, and how many there are."""
    if BACKEND == "jax" and jax.distributed.is_initialized():
        return jax.process_index(), jax.process_count()
    return 0, 1


def wait_for_all(name: str) -> None:
    """Come back when every process of a training is here; ``name`` says where, for messages."""
    if process()[1] > 1:
        from jax.experimental import multihost_utils  # not public otherwise

        multihost_utils.sync_global_devices(name)


def own_copies(variables: Sequence[keras.Variable]) -> list[tuple[keras.Variable, Tensor]]:
    """Return pairs of a variable and its value as an array of this process alone."""
    return [(v, jax.numpy.asarray(np.asarray(v.value.addressable_data(0)))) for v in variables]
