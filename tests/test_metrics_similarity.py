"""Similarity of pairs: against scikit-image, tf.image, and numbers worked out by hand."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gentut import metrics
from gentut.metrics import similarity

quick = settings(max_examples=20, deadline=None)


def pair(height, width, channels, n=3, seed=0):
    """Smooth images and noisy copies, float32 in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 8
    phase = rng.uniform(0, 6, (n, 1, 1, channels))
    a = 0.5 + 0.4 * np.sin(x[None, ..., None] + phase) * np.cos(y[None, ..., None])
    noise = rng.normal(0, np.linspace(0.02, 0.3, n)[:, None, None, None], a.shape)
    return a.astype(np.float32), np.clip(a + noise, 0, 1).astype(np.float32)


def test_psnr_by_hand():
    # Mean squared errors 1/4 and 1/100: 10 log₁₀ 4 and 20 decibels.
    a = np.zeros((3, 4, 5, 1))
    b = np.stack([np.full((4, 5, 1), 0.5), np.full((4, 5, 1), 0.1), np.zeros((4, 5, 1))])
    assert metrics.psnr(a, b) == pytest.approx([6.020599913279624, 20, np.inf])
    whole = (255 * b).astype(np.uint8)
    assert metrics.psnr(whole, np.zeros_like(whole), data_range=255)[2] == np.inf
    # 127² and 25² out of 255²: unsigned integers must not wrap around.
    expected = [20 * np.log10(255 / 127), 20 * np.log10(255 / 25), np.inf]
    assert metrics.psnr(np.zeros_like(whole), whole, data_range=255) == pytest.approx(expected)


def test_ssim_of_constant_images_is_their_luminance():
    # No variance: (2xy + c₁) / (x² + y² + c₁) with x = 0.2, y = 0.6, c₁ = 1e-4.
    a, b = np.full((1, 12, 12, 1), 0.2), np.full((1, 12, 12, 1), 0.6)
    assert metrics.ssim(a, b) == pytest.approx([0.2401 / 0.4001], rel=1e-9)


def test_ssim_of_an_inverted_image_is_negative():
    a, _ = pair(28, 28, 1)
    assert np.all(metrics.ssim(a, 1 - a) < -0.5)


@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3), (11, 40, 3), (33, 28, 1)])
@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_ssim_and_psnr_agree_with_scikit_image(shape, data_range):
    skimage = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    a, b = (x.astype(np.float64) * data_range for x in pair(*shape))
    for i, (ssim, psnr) in enumerate(
        zip(metrics.ssim(a, b, data_range), metrics.psnr(a, b, data_range), strict=True)
    ):
        theirs = skimage.structural_similarity(
            a[i],
            b[i],
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=data_range,
            channel_axis=-1,
        )
        assert ssim == pytest.approx(theirs, abs=1e-5)
        theirs = skimage.peak_signal_noise_ratio(a[i], b[i], data_range=data_range)
        assert psnr == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3), (33, 28, 3)])
def test_ssim_and_psnr_agree_with_tensorflow(shape):
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    a, b = pair(*shape)
    assert metrics.ssim(a, b) == pytest.approx(tf.image.ssim(a, b, 1.0).numpy(), abs=1e-5)
    # float32 logarithms: 20 decibels to about six digits.
    assert metrics.psnr(a, b) == pytest.approx(tf.image.psnr(a, b, 1.0).numpy(), abs=2e-5)


@quick
@given(st.integers(0, 10**6), st.sampled_from([1, 3]))
def test_similarity_properties(seed, channels):
    a, b = (x.astype(np.float64) for x in pair(24, 23, channels, seed=seed))
    for metric in (metrics.ssim, metrics.psnr):
        value = metric(a, b)
        assert value.shape == (3,) and value.dtype == np.float64
        assert metric(b, a) == pytest.approx(value, rel=1e-12)
        assert metric(255 * a, 255 * b, data_range=255) == pytest.approx(value, rel=1e-9)
        assert metric(a[::-1], b[::-1]) == pytest.approx(value[::-1], rel=1e-12)
        assert metric(a[:, ::-1], b[:, ::-1]) == pytest.approx(value, rel=1e-9)
    assert metrics.ssim(a, a) == pytest.approx([1, 1, 1], abs=1e-12)
    signed = metrics.ssim(2 * a - 1, 2 * b - 1, data_range=2)
    assert np.all(np.abs(signed) <= 1)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_more_noise_scores_lower(metric):
    image = np.repeat(pair(32, 32, 1, n=1)[0], 4, axis=0)
    noise = np.random.default_rng(0).normal(size=image.shape[1:])
    noisy = image + np.array([0, 0.02, 0.08, 0.2])[:, None, None, None] * noise
    assert np.all(np.diff(metric(image, noisy)) < 0)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_bad_images(metric):
    a, b = pair(16, 16, 1)
    with pytest.raises(ValueError, match="`a` must have shape .* received \\(16, 16, 1\\)"):
        metric(a[0], b[0])
    with pytest.raises(ValueError, match="`b` must have the shape of `a`"):
        metric(a, b[:2])
    with pytest.raises(ValueError, match="`b` must be finite"):
        metric(a, np.where(b > 0.5, np.nan, b))
    bytes_a, bytes_b = (255 * a).astype(np.uint8), (255 * b).astype(np.uint8)
    for wrong in ((bytes_a, bytes_b), (a, bytes_b), (2 * a - 1, 2 * b - 1)):
        with pytest.raises(ValueError, match="`data_range` must be the span .* Pass 2 for"):
            metric(*wrong)
    with pytest.raises(ValueError, match="`data_range` must be positive; received 0"):
        metric(a, b, data_range=0)
    with pytest.raises(TypeError, match="`a` must hold real numbers"):
        metric(a.astype(complex), b)


def test_blocks_change_nothing(monkeypatch):
    a, b = pair(12, 13, 3, n=5)
    expected = metrics.psnr(a, b).tolist(), metrics.ssim(a, b).tolist()
    for elements in (1, 2 * a[0].size):
        monkeypatch.setattr(similarity, "_BLOCK_ELEMENTS", elements)
        assert [len(x) for x, _ in similarity._blocks(a, b)] == ([1] * 5, [2, 2, 1])[elements > 1]
        assert (metrics.psnr(a, b).tolist(), metrics.ssim(a, b).tolist()) == expected


def test_spans_up_to_the_limits_pass_silently():
    # Both span 1.5 ranges; one spans 10. Identical images: infinite, without a warning.
    a = np.array([0.0, 1.5]).reshape(1, 1, 2, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.psnr(a, a) == [np.inf]
    assert metrics.psnr(a / 3, a / 1.5 * 10) == pytest.approx([-10 * np.log10(9.5**2 / 2)])
    with pytest.raises(ValueError, match="received 1.0 with values that span 1.6"):
        metrics.psnr(a / 1.5 * 1.6, a / 1.5 * 1.6)


def test_ssim_of_images_smaller_than_its_window():
    a, b = pair(10, 16, 1)
    with pytest.raises(ValueError, match="at least 11 pixels .* received 10 x 16"):
        metrics.ssim(a, b)


def test_perceptual_distance_by_hand():
    # Directions (1, 0) and (3, 4)/5: squared difference 0.16 + 0.64 = 0.8; opposite ones: 4.
    a = [np.array([[[[2.0, 0.0]]]]), np.array([[[[1.0, 0.0], [1.0, 0.0]]]])]
    b = [np.array([[[[3.0, 4.0]]]]), np.array([[[[1.0, 0.0], [-9.0, 0.0]]]])]
    assert metrics.perceptual_distance(a, b) == pytest.approx([0.8 + 4 / 2])
    weighted = metrics.perceptual_distance(a, b, weights=[[1.0, 0.5], [0.5, 7.0]])
    assert weighted == pytest.approx([0.16 + 0.32 + 0.5 * 4 / 2])
    # A weight of zero leaves a channel or a layer out.
    assert metrics.perceptual_distance(a, b, weights=[[1.0, 0.0], 0.0]) == pytest.approx([0.16])
    assert metrics.perceptual_distance(a, [10 * x for x in a]) == pytest.approx([0], abs=1e-15)
    # Lengths are increased by 1e-10: that halves vectors of this length.
    faint = [np.full((1, 1, 1, 1), 1e-10)]
    assert metrics.perceptual_distance(faint, [-faint[0]]) == pytest.approx([1])
    dead = [np.zeros_like(x) for x in a]
    assert metrics.perceptual_distance(dead, dead).tolist() == [0]


def test_content_loss_by_hand():
    a = [np.arange(8.0).reshape(1, 2, 2, 2)]
    b = [np.arange(8.0).reshape(1, 2, 2, 2) + 2]
    assert metrics.content_loss(a, b) == pytest.approx([8 * 4 / 2])
    assert metrics.content_loss(a * 2, b * 2) == pytest.approx([2 * 8 * 4 / 2])


def test_content_loss_of_bytes_does_not_wrap():
    low, high = np.zeros((1, 1, 1, 1), np.uint8), np.full((1, 1, 1, 1), 200, np.uint8)
    assert metrics.content_loss([low], [high]).tolist() == [20000]


def test_bad_layers():
    layer = np.zeros((1, 2, 2, 3))
    with pytest.raises(ValueError, match="`features_a` must be a list .* received ndarray"):
        metrics.content_loss(layer, [layer])
    with pytest.raises(ValueError, match=r"`features_b\[0\]` must have shape .* received \(2, 3\)"):
        metrics.content_loss([layer], [np.zeros((2, 3))])
    with pytest.raises(ValueError, match="`features_b` must have the shapes of `features_a`"):
        metrics.perceptual_distance([layer], [layer, layer])
    with pytest.raises(ValueError, match="`weights` must have one entry per layer, 1; received 2"):
        metrics.perceptual_distance([layer], [layer], weights=[1, 1])
    with pytest.raises(ValueError, match=r"`weights\[0\]` must be 3 numbers"):
        metrics.perceptual_distance([layer], [layer], weights=[[1, 1]])


def test_a_negative_weight_is_named():
    layer = np.zeros((1, 2, 2, 3))
    with pytest.raises(ValueError, match=r"`weights\[0\]` must be 3 numbers ≥ 0, .* smallest -1"):
        metrics.perceptual_distance([layer], [layer], weights=[[1, -1, 1]])
