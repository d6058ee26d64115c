"""What is said of devices and processes; slow/test_several_devices.py trains on several."""

import importlib.util
import mmap
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tiny

import gentut
from gentut.models import recipes
from gentut.runs import Config, batch_size
from gentut.runs.processes import own_folder, refuse_clock
from gentut.training import devices, step
from gentut.training.step import StepModel

HERE = Path(__file__).parent
BACKEND = keras.backend.backend()
pytestmark = pytest.mark.backend


@pytest.mark.skipif(BACKEND != "torch", reason="the others can")
def test_torch_says_that_it_cannot():
    assert gentut.use_devices() == gentut.use_devices(1) == 1
    with pytest.raises(RuntimeError, match="several devices need TensorFlow or JAX"):
        gentut.use_devices(2)


@pytest.mark.skipif(devices.device() == "GPU", reason="all of them would be taken")
def test_without_a_gpu_one_device_trains():
    assert gentut.use_devices() == gentut.use_devices("auto") == gentut.use_devices(1) == 1
    assert keras.distribution.distribution() is None  # which Keras leaves quicker than one of one
    assert devices.device_count() == 1


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's strategy")
def test_the_cpu_is_cut_into_as_many_parts_as_are_asked_for(monkeypatch):
    tf, seen = devices.tf, {}

    def cut(cpu, parts):
        seen.update(cpu=cpu, parts=len(parts))

    found = {"CPU": ["the CPU"], "GPU": []}
    monkeypatch.setattr(tf.config, "list_physical_devices", found.get)
    monkeypatch.setattr(tf.config, "set_logical_device_configuration", cut)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind] * seen["parts"])
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda names, meeting: names)
    monkeypatch.setattr(
        tf.distribute, "experimental_set_strategy", lambda names: seen.update(names=names)
    )
    assert gentut.use_devices(3) == 3
    assert seen == {"cpu": "the CPU", "parts": 3, "names": ["CPU:0", "CPU:1", "CPU:2"]}


@pytest.mark.parametrize(("count", "ids"), [(2, [0, 1, 4, 5]), ("auto", [0, 1, 2, 3, 4, 5, 6, 7])])
def test_every_process_gives_as_many_of_its_devices(count, ids, monkeypatch):
    """What JAX tells of two processes with four devices each, on any backend."""
    every = [SimpleNamespace(process_index=i // 4, platform="gpu", id=i) for i in range(8)]
    told = SimpleNamespace(
        devices=lambda: every,
        local_device_count=lambda: 4,
        distributed=SimpleNamespace(is_initialized=lambda: True),
        config=SimpleNamespace(update=lambda name, value: None),
    )
    monkeypatch.setattr(devices, "jax", told, raising=False)
    monkeypatch.setattr(devices, "device", lambda: "GPU")
    chosen = []
    monkeypatch.setattr(keras.distribution, "set_distribution", chosen.append)
    monkeypatch.setattr(keras.distribution, "DataParallel", lambda devices, **_: devices)
    assert devices._parallel(count, several=True) == len(ids)
    assert chosen == [[f"gpu:{i}" for i in ids]]


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "all", None])
def test_bad_counts_are_named(count):
    with pytest.raises(ValueError, match=r"`count` must be a positive integer; received"):
        gentut.use_devices(count)


def test_only_jax_takes_several_processes(monkeypatch):
    monkeypatch.setenv(devices.PROCESSES, "2")
    assert devices.one_of_several()
    if BACKEND != "jax":
        with pytest.raises(RuntimeError, match="several processes train together on JAX only"):
            gentut.use_devices(1)
    monkeypatch.setenv(devices.PROCESSES, "1")
    assert not devices.one_of_several()
    monkeypatch.setenv(devices.HOSTS, "a:1,b:1")
    assert devices.one_of_several()


def test_the_first_process_has_the_folder_and_the_others_a_copy(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / ".lock").write_text("1")
    with own_folder(tmp_path) as folder:
        assert folder == tmp_path
    monkeypatch.setattr("gentut.runs.processes.process", lambda: (1, 2))
    monkeypatch.setattr("gentut.runs.processes.wait_for_all", lambda name: None)
    with own_folder(tmp_path) as folder:
        assert folder != tmp_path
        assert [path.name for path in folder.iterdir()] == ["config.json"]
        (folder / "config.json").write_text("changed")
    assert (tmp_path / "config.json").read_text(encoding="utf-8") == "{}" and not folder.exists()


@pytest.mark.parametrize("cores, words", [({3}, "1 CPU core ("), ({0, 2}, "2 CPU cores (")])
def test_only_the_cores_that_this_process_may_use_are_counted(cores, words, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: cores, raising=False)
    for device, before in (("CPU", ""), ("GPU H1", "GPU H1, ")):
        monkeypatch.setattr(devices, "device", lambda device=device: device)
        assert devices.environment()["device"].startswith(before + words)


@pytest.mark.parametrize(
    ("backend", "kind", "count", "xla", "steps"),
    [
        ("tensorflow", "CPU", 1, False, 8),
        ("tensorflow", "GPU", 1, True, 8),
        ("tensorflow", "GPU", 2, False, 1),
        ("jax", "CPU", 2, True, None),
        ("torch", "GPU", 1, False, None),
    ],
)
def test_xla_and_several_steps_in_a_call_where_they_pay(
    backend, kind, count, xla, steps, monkeypatch
):
    monkeypatch.setattr(devices, "BACKEND", backend)
    monkeypatch.setattr(devices, "device", lambda: kind)
    monkeypatch.setattr(devices, "device_count", lambda: count)
    options = devices.compile_options()
    assert options.pop("steps_per_execution", None) == steps
    assert options == {"jit_compile": xla, "auto_scale_loss": False}


def test_a_compiled_network_is_not_in_training():
    network = keras.Sequential([keras.Input((50,)), keras.layers.Dropout(0.5)])
    images = np.ones((4, 50), "float32")
    np.testing.assert_array_equal(devices.compiled(network)(images), images)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX traces every shape, PyTorch none")
def test_a_network_is_not_traced_anew_for_every_number_of_images():
    traced = []

    def network(inputs, training):
        traced.append(training)
        return 2 * inputs

    run = devices.compiled(network)
    for n in range(1, 8):
        np.testing.assert_array_equal(run(np.ones((n, 3), "float32")), np.full((n, 3), 2.0))
    assert traced == [False, False]  # for 1, and for any


def test_only_one_of_several_processes_can_lose_the_others(monkeypatch):
    lost = RuntimeError("UNKNOWN: Gloo all-reduce failed: Connection closed by peer")
    assert not devices.tells_of_lost_processes(lost)
    monkeypatch.setattr(devices, "process", lambda: (1, 2))
    assert devices.tells_of_lost_processes(lost)
    assert not devices.tells_of_lost_processes(RuntimeError("shapes do not fit"))


@pytest.fixture
def speeds(monkeypatch):
    """Images per second by batch size, as `find_batch_size` shall measure them."""
    table = {}

    def speed(family, images, labels, classes, size, seconds):
        if isinstance(table[size], Exception):
            raise table[size]
        return table[size]

    monkeypatch.setattr(batch_size, "_speed", speed)
    return table


@pytest.mark.parametrize(
    ("setting", "value", "needed"),
    [
        ("image_data_format", "channels_first", "channels_last"),
        ("floatx", "float16", "float32"),
        ("floatx", "float64", "float32"),
    ],
)
def test_settings_of_keras_that_do_not_fit_are_refused_at_import(setting, value, needed):
    spec = importlib.util.spec_from_file_location("another", devices.__file__)
    change = getattr(keras.config, f"set_{setting}")
    change(value)
    try:
        with pytest.raises(ImportError) as caught:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
    finally:
        change(needed)
    assert str(caught.value) == (
        f"gentut needs Keras' setting `{setting}` to be '{needed}'; received '{value}'. Change it"
        " in keras.json (in ~/.keras, or where KERAS_HOME points), or call"
        f" keras.config.set_{setting}('{needed}') before gentut is imported."
    )


@pytest.mark.parametrize(
    "ask",  # for so much that the system refuses at once
    [
        lambda: np.ones((10**7, 10**7)),
        lambda: mmap.mmap(-1, 1 << 46),
        lambda: keras.ops.convert_to_numpy(keras.ops.ones((10**7, 10**6))),
    ],
    ids=["numpy", "system", BACKEND],
)
def test_memory_that_is_full_is_known_on_every_backend(ask):
    with pytest.raises(Exception) as caught:  # noqa: B017  (each has a class of its own)
        ask()
    assert devices.out_of_memory(caught.value), repr(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.",
        "CUDA out of memory. Tried to allocate 20.00 MiB.",
        "OOM when allocating tensor with shape[9,9] and type float",
        "Failed to allocate memory for the batch",
        "CUBLAS_STATUS_ALLOC_FAILED",
        "Dst tensor is not initialized.",
    ],
)
def test_every_backend_says_it_in_its_own_words(text):
    assert devices.out_of_memory(RuntimeError(text))


def test_other_errors_do_not_tell_of_memory():
    for error in (RuntimeError("`size` must be positive"), OSError(28, "No space left on device")):
        assert not devices.out_of_memory(error)


FULL = RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes")


@pytest.mark.parametrize(
    ("measured", "size", "full"),
    [
        ({64: 100, 128: 180, 256: 185}, 128, None),  # 3 % more for twice the memory
        ({64: 100, 128: 99}, 64, None),
        ({64: 100, 128: 190, 256: FULL}, 128, 256),
        ({64: 100, 128: 200, 256: 390, 512: 700}, 512, None),  # as large as the data
        ({64: FULL, 32: FULL, 16: 10}, 16, 32),  # the first does not fit: no larger one is tried
    ],
)
def test_batch_size_is_the_smallest_within_reach_of_the_fastest(speeds, measured, size, full):
    speeds.update(measured)
    found = gentut.find_batch_size("gan", np.zeros((600, 28, 28, 1), "float32"))
    assert (found.size, found.full) == (size, full)
    assert found.tried == [(k, v) for k, v in measured.items() if not isinstance(v, Exception)]


def test_batch_size_tells_what_is_wrong(speeds):
    images = np.zeros((100, 28, 28, 1), "float32")
    speeds.update({2**k: FULL for k in range(7)})
    with pytest.raises(MemoryError, match="not even a step of 1 image of 'gan' fits into memory"):
        gentut.find_batch_size("gan", images)
    with pytest.raises(ValueError, match="`most` must be at least `start`, 12; received 9"):
        gentut.find_batch_size("gan", images, start=12, most=9)
    with pytest.raises(ValueError, match="`images` must hold at least one batch of `start`, 12"):
        gentut.find_batch_size("gan", images[:9], start=12)
    speeds[64] = KeyError("other")
    with pytest.raises(KeyError):
        gentut.find_batch_size("gan", images)
    with pytest.raises(ValueError, match="`family` must be one that is trained in batches"):
        gentut.find_batch_size("gaussian", images)
    with pytest.raises(ValueError, match="at least one batch of the recipe, 64; received 9"):
        gentut.find_batch_size("gan", images[:9])
    with pytest.raises(ValueError, match="`seconds` must be a number above 0"):
        gentut.find_batch_size("gan", images, seconds=0)
    with pytest.raises(
        ValueError, match="`most` must be at least the recipe's batch, 64; received 32"
    ):
        gentut.find_batch_size("gan", images, most=32)


def test_batch_size_halves_from_where_it_starts(speeds):
    images = np.zeros((100, 28, 28, 1), "float32")
    speeds.update({12: FULL, 6: FULL, 3: 5})
    assert gentut.find_batch_size("gan", images, start=12, most=12) == (3, [(3, 5)], 6)
    # Five steps of the critic cut a batch into five.
    speeds.update({45: FULL, 20: FULL, 10: 1})
    assert gentut.find_batch_size("wgan", images, start=42, most=42) == (10, [(10, 1)], 20)


def test_batch_size_leaves_the_users_settings_and_no_model_behind(monkeypatch):
    tiny.shrink_recipes(monkeypatch)
    made, build = [], recipes.build

    def noted(*arguments):
        model = build(*arguments)
        made.append(weakref.ref(model))
        return model

    monkeypatch.setattr(recipes, "build", noted)
    distribution = None
    if BACKEND == "jax":
        one = keras.distribution.list_devices()[:1]
        distribution = keras.distribution.DataParallel(devices=one)
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        keras.distribution.set_distribution(distribution)
        name = keras.layers.Dense(1).name
        gentut.find_batch_size("vae", np.zeros((16, 16, 16, 1), "float32"), seconds=0.01)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        assert keras.distribution.distribution() is distribution
        assert keras.layers.Dense(1).name != name  # names go on
    finally:
        keras.distribution.set_distribution(None)
        keras.config.set_dtype_policy(before)
    assert len(made) == 2 and [model() for model in made] == [None, None]


def test_batch_size_measures_a_real_training():
    size = recipes.RECIPES["vae"]["batch_size"]
    images = np.random.default_rng(0).random((2 * size, 28, 28, 1), "float32")
    labels = np.arange(2 * size) % 4
    found = gentut.find_batch_size("vae", images, labels, seconds=0.05, most=size)
    assert len(found.tried) == 1 and found.tried[0][0] == found.size == size
    assert 10 < found.tried[0][1] < 10**7


def test_several_processes_do_not_train_by_their_clocks(monkeypatch):
    refuse_clock(Config(family="vae", minutes=1))
    monkeypatch.setattr("gentut.runs.processes.process", lambda: (0, 2))
    refuse_clock(Config(family="vae", epochs=1))
    with pytest.raises(ValueError, match="`minutes` must be left out where several processes"):
        refuse_clock(Config(family="vae", minutes=1))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX writes one step for all devices")
@pytest.mark.parametrize("count, index, found", [(4, 3, (3, 4)), (1, 0, (0, 1))])
def test_a_step_knows_which_device_it_runs_on(count, index, found, monkeypatch):
    here = SimpleNamespace(num_replicas_in_sync=count, replica_id_in_sync_group=index)
    monkeypatch.setattr(devices.tf.distribute, "get_replica_context", lambda: here)
    assert devices.replica() == found
    # Where a strategy puts results together there is no device of one's own.
    monkeypatch.setattr(devices.tf.distribute, "get_replica_context", lambda: None)
    assert devices.replica() == (0, 1)


def test_only_several_processes_wait_for_each_other(monkeypatch):
    waited = []
    meeting = SimpleNamespace(sync_global_devices=waited.append)
    together = SimpleNamespace(multihost_utils=meeting)
    for name, module in (("jax", SimpleNamespace()), ("jax.experimental", together)):
        monkeypatch.setitem(sys.modules, name, module)
    devices.wait_for_all("alone")
    monkeypatch.setattr(devices, "process", lambda: (0, 2))
    devices.wait_for_all("at the end")
    assert waited == ["at the end"]


@pytest.mark.backend
@pytest.mark.skipif(BACKEND == "torch", reason="it trains on one device")
def test_devices_of_a_step_are_those_of_the_strategy(monkeypatch):
    assert devices.device_count() == 1
    strategy = SimpleNamespace(num_replicas_in_sync=3, num_model_replicas=3)
    if BACKEND == "jax":
        monkeypatch.setattr(keras.distribution, "distribution", lambda: strategy)
    else:
        monkeypatch.setattr(devices.tf.distribute, "get_strategy", lambda: strategy)
    assert devices.device_count() == 3


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX writes one step for all devices")
def test_a_mean_is_over_the_devices_where_there_are_several(monkeypatch):
    asked = []
    here = SimpleNamespace(num_replicas_in_sync=1, replica_id_in_sync_group=0)
    here.all_reduce = lambda how, values: asked.append((how, values)) or 7.0
    monkeypatch.setattr(devices.tf.distribute, "get_replica_context", lambda: here)
    assert devices.mean_over_replicas(3.0) == 3.0 and asked == []
    here.num_replicas_in_sync = 2
    assert devices.mean_over_replicas(3.0) == 7.0
    assert asked == [(devices.tf.distribute.ReduceOp.MEAN, 3.0)]


@pytest.mark.parametrize("copies", [1, 3])
def test_devices_draw_together_what_one_would_draw_alone(copies, monkeypatch):
    images, count = 2, 4  # so many on each of so many devices

    def draw(rows):
        return keras.ops.reshape(keras.ops.arange(rows * 5), (rows, 5))

    alone = keras.ops.convert_to_numpy(draw(copies * count * images))
    for index in range(count):
        monkeypatch.setattr(devices, "replica", lambda index=index: (index, count))
        drawn = devices.per_image(draw, copies * images, copies)
        # Copies of all images stand one after the other, and so do those of a device's images.
        own = [
            alone[copy * count * images + index * images + image]
            for copy in range(copies)
            for image in range(images)
        ]
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(drawn), own)


@pytest.mark.parametrize("parts", [1, 3])
def test_devices_that_cut_their_shares_see_the_critics_batches(parts, monkeypatch):
    size, count = 24, 4
    monkeypatch.setattr(step, "BACKEND", "tensorflow")
    monkeypatch.setattr(step, "device_count", lambda: count)
    place = StepModel._place(SimpleNamespace(parts=parts), size)
    shares = np.split(place, count)  # the strategy gives each device the next rows
    for part in range(parts):
        seen = np.concatenate([np.split(share, parts)[part] for share in shares])
        np.testing.assert_array_equal(seen, np.split(np.arange(size), parts)[part])


def test_each_process_reads_its_own_rows(monkeypatch):
    monkeypatch.setattr(step, "BACKEND", "jax")
    monkeypatch.setattr(step, "device_count", lambda: 4)
    rows = []
    for index in range(2):
        monkeypatch.setattr(step, "process", lambda index=index: (index, 2))
        rows.append(StepModel._place(SimpleNamespace(parts=1), 8).tolist())
    assert rows == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_batches_that_devices_cannot_share_are_refused(monkeypatch):
    model = SimpleNamespace(parts=3)
    assert StepModel._place(model, 7) is None  # one device takes any
    monkeypatch.setattr(step, "device_count", lambda: 4)
    with pytest.raises(ValueError) as caught:
        StepModel._place(model, 16)
    assert str(caught.value) == (
        "`batch_size` must be a multiple of the 4 devices and of the 3 steps of the critic;"
        " received 16."
    )
    model.parts = 1
    with pytest.raises(ValueError, match="a multiple of the 4 devices; received 18"):
        StepModel._place(model, 18)


def test_devices_that_are_not_there_are_told():
    for kind in ("CPU", "GPU"):
        devices._require(2, 2, kind)
    with pytest.raises(RuntimeError, match=rf"{BACKEND} has begun, with the CPU in 1 part\."):
        devices._require(2, 1, "CPU")
    with pytest.raises(RuntimeError, match=r"with the CPU in 2 parts\."):
        devices._require(3, 2, "CPU")
    with pytest.raises(
        ValueError, match="`count` must be at most the 1 GPUs of this machine; got 2"
    ):
        devices._require(2, 1, "GPU")
