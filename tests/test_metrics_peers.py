"""Agreement with torch-fidelity and prdc, where they are installed."""

import sys
from unittest import mock

import numpy as np
import pytest

from gentut import metrics

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def torch_fidelity():
    """Imported without torchvision, which its arithmetic never uses."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    unused = ["torchvision", "torchvision.datasets", "torchvision.transforms"]
    unused += ["torchvision.transforms.functional"]
    absent = [name for name in unused if name not in sys.modules]
    sys.modules.update({name: mock.MagicMock() for name in absent})
    try:
        pytest.importorskip("torch_fidelity.metric_kid", reason="torch-fidelity is not installed")
        return pytest.importorskip("torch_fidelity")
    finally:
        for name in absent:
            del sys.modules[name]


def features(n, d, seed):
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(size=(n, d)) + seed / 4, 0).astype(np.float32)


def test_frechet_distance(torch_fidelity):
    import torch
    from torch_fidelity import metric_fid

    real, generated = features(800, 24, 0), features(700, 24, 1)
    statistics = [
        metric_fid.fid_features_to_statistics(torch.from_numpy(x.astype(np.float64)))
        for x in (real, generated)
    ]
    theirs = metric_fid.fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    assert metrics.frechet_distance(real, generated) == pytest.approx(theirs, rel=1e-9)


def test_kernel_distance(torch_fidelity):
    import torch
    from torch_fidelity import metric_kid

    real, generated = features(300, 24, 0), features(300, 24, 1)
    theirs = metric_kid.kid_features_to_metric(
        torch.from_numpy(real.astype(np.float64)),
        torch.from_numpy(generated.astype(np.float64)),
        kid_subsets=1,
        kid_subset_size=300,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
        rng_seed=0,
        verbose=False,
    )["kernel_inception_distance_mean"]
    assert metrics.kernel_distance(real, generated) == pytest.approx(theirs, rel=1e-6)
    wide = real.astype(np.float64), generated.astype(np.float64)
    assert metrics.kernel_distance(*wide) == pytest.approx(theirs, rel=1e-10)


def test_inception_score(torch_fidelity):
    import torch
    from torch_fidelity import metric_isc

    scores = np.random.default_rng(0).normal(0, 3, (500, 7))
    theirs = metric_isc.isc_features_to_metric(torch.from_numpy(scores), splits=3, shuffle=False)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    ours = metrics.inception_score(probabilities, splits=3, shuffle=False)
    assert ours == pytest.approx(tuple(theirs.values()), rel=1e-10)


@pytest.mark.parametrize("nearest_k", [1, 5])
def test_precision_recall(torch_fidelity, nearest_k):
    import torch
    from torch_fidelity import metric_prc

    real, generated = features(500, 16, 0), features(400, 16, 1)
    theirs = metric_prc.prc_features_to_metric(
        torch.from_numpy(generated.astype(np.float64)),
        torch.from_numpy(real.astype(np.float64)),
        prc_neighborhood=nearest_k,
        prc_batch_size=100,
        save_cpu_ram=True,
        verbose=False,
    )
    ours = metrics.precision_recall_density_coverage(real, generated, nearest_k)
    assert ours["precision"] == pytest.approx(theirs["precision"], abs=1e-6)  # float32 mean
    assert ours["recall"] == pytest.approx(theirs["recall"], abs=1e-6)


@pytest.mark.parametrize("nearest_k", [1, 3, 10])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_recall_density_coverage(nearest_k, dtype):
    prdc = pytest.importorskip("prdc", reason="prdc is not installed")
    real, generated = features(500, 16, 0).astype(dtype), features(400, 16, 1).astype(dtype)
    theirs = prdc.compute_prdc(real, generated, nearest_k)
    ours = metrics.precision_recall_density_coverage(real, generated, nearest_k)
    assert ours == pytest.approx(theirs, abs=1e-12)
