"""Images to features, features to scores against a reference set of held-out images."""
