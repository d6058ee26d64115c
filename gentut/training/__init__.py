"""One train step for three backends and all that it needs; only here is the backend known."""
