"""Keras' InceptionV3 as an extractor.

Slow to build, so not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import numpy as np

from gentut.evaluation import features


def test_inception_is_not_called_fid():
    extractor = features.inception(weights=None)
    assert extractor.name == "Keras InceptionV3 (random weights)"
    assert (extractor.feature_dim, extractor.num_classes) == (2048, 1000)
    assert "not" in features.inception.__doc__ and "2015-12-05" in features.inception.__doc__
    images = np.random.default_rng(0).random((1, 32, 32, 1), dtype="float32")
    assert extractor(images).shape == (1, 2048)
    np.testing.assert_allclose(extractor.probabilities(images).sum(), 1, atol=1e-9)
