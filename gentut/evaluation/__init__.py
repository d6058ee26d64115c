"""Images to features, features to scores against a reference set of held-out images."""

from gentut.evaluation.reference import ReferenceSet

__all__ = ["ReferenceSet"]
