"""Distillation to one step: where it starts, what it leaves alone, what it learns."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from tiny import fit_eagerly

import gentut
from gentut.models.distillation import ConsistencyFlow
from gentut.models.networks import FromGaussian

pytestmark = pytest.mark.backend
SHAPE = (1, 1, 1)
MODES = np.array([0.3, 0.7])
KINDS = pytest.mark.parametrize(
    ("path", "prediction"), [("straight", "velocity"), ("cosine", "noise")]
)


def grey(n):
    """Images of one pixel that is dark or bright."""
    rng = np.random.default_rng(0)
    return (rng.choice(MODES, (n, *SHAPE)) + 0.01 * rng.normal(size=(n, *SHAPE))).astype("float32")


def flow(path="straight", prediction="velocity", units=64):
    gentut.seed(0)
    x, t = keras.Input(SHAPE), keras.Input((1,))
    h = layers.Concatenate()([layers.Flatten()(x), t])
    for _ in range(2):
        h = layers.Dense(units, activation="silu")(h)
    rest = layers.Reshape(SHAPE)(layers.Dense(1)(h))
    network = keras.Model([x, t], FromGaussian(0.4, path, prediction)(rest, x, t))
    model = gentut.Flow(network, path, prediction, ema=0.99)
    model.compile(keras.optimizers.Adam(5e-3), constant_share=0.3)
    return model


def student_of(teacher, **settings):
    student = ConsistencyFlow.of(teacher, **settings)
    student.compile(keras.optimizers.Adam(2e-3), constant_share=0.3)
    return student


def weights(network):
    return [np.array(ops.convert_to_numpy(w)) for w in network.weights]


@KINDS
def test_a_student_begins_as_its_teacher_and_leaves_it_alone(path, prediction, tmp_path):
    teacher = flow(path, prediction, units=4)
    student = student_of(teacher)
    # The image that the teacher tells of at once: DDIM in one step.
    at_once = teacher.sample(6, seed=1, steps=1, method="ddim")
    np.testing.assert_allclose(student.sample(6, seed=1), at_once, atol=1e-5)
    before, begun = weights(student.teacher), weights(student.velocity)
    fit_eagerly(student, grey(64))
    for a, b in zip(before, weights(student.teacher), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(begun, weights(student.velocity), strict=True))
    assert teacher.velocity.trainable
    student.save(tmp_path / "student.keras")
    again = keras.saving.load_model(tmp_path / "student.keras")
    for steps in (1, 2):
        drawn = student.sample(6, seed=1, steps=steps)
        np.testing.assert_array_equal(again.sample(6, seed=1, steps=steps), drawn)
    assert again.grid == 16 and again.path_name == path


def test_one_step_of_the_student_goes_where_the_teacher_gets_in_many():
    teacher, images = flow(), grey(3200)
    teacher.fit(images, epochs=8, batch_size=64, verbose=0)
    student = student_of(teacher)
    student.fit(images, epochs=8, batch_size=64, verbose=0)
    ends = teacher.sample(500, seed=0, steps=32)
    off = {
        "teacher": np.abs(teacher.sample(500, seed=0, steps=1, method="euler") - ends).mean(),
        "student": np.abs(student.sample(500, seed=0) - ends).mean(),
    }
    assert off["student"] < off["teacher"] / 4, off
    # Fresh noise between its steps leads elsewhere, to the same distribution.
    twice = student.sample(500, seed=0, steps=2)
    assert np.abs(twice - ends).mean() > 2 * off["student"]
    assert twice.std() == pytest.approx(ends.std(), rel=0.15)


def test_a_student_has_a_sampler_of_its_own():
    with pytest.raises(ValueError, match="`method` must be one of consistency; received 'heun'"):
        student_of(flow(units=4)).sample(2, method="heun")


def test_a_grid_is_a_positive_number_of_steps():
    with pytest.raises(ValueError, match="`grid` must be a positive integer; received 0"):
        student_of(flow(units=4), grid=0)
