"""Where ``gentut sample`` puts many images, slice by slice: a folder of PNGs, or one ``.npz``."""

import contextlib
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gentut import plots

GRID, ARRAYS = ".png", ".npz"  # endings of a sheet of images, and of a file of arrays
MOST = 2_000  # images of a sheet: more of them nobody looks at, and it must fit into memory


class PngFolder:
    """Takes ``folder[start:stop] = images`` and writes a PNG for each, by class if there are any.

    So the folder is one that ``gentut.data.load`` reads.
    """

    def __init__(self, path: Path, n: int, labels: np.ndarray | None = None) -> None:
        self.path, self.labels, self.digits = path, labels, len(str(n - 1))
        if labels is not None:
            digits = len(str(int(labels.max())))
            self.classes = [f"{label:0{digits}d}" for label in range(int(labels.max()) + 1)]
            for label in np.unique(labels):
                (path / self.classes[label]).mkdir()

    def __setitem__(self, rows: slice, images: np.ndarray) -> None:
        for number, image in enumerate(images, start=rows.start):
            own = self.path
            if self.labels is not None:
                own /= self.classes[self.labels[number]]
            plots.pixels(image).save(own / f"{number:0{self.digits}d}.png")


class NpzFile:
    """Takes ``file[start:stop] = images`` in order, as the bytes of ``images`` in an archive."""

    def __init__(self, file: zipfile.ZipFile, n: int, image_shape: Sequence[int]) -> None:
        self.entry = file.open("images.npy", "w", force_zip64=True)
        about = {"descr": "|u1", "fortran_order": False, "shape": (n, *image_shape)}
        np.lib.format.write_array_header_1_0(self.entry, about)

    def __setitem__(self, rows: slice, images: np.ndarray) -> None:
        self.entry.write((255 * np.asarray(images) + 0.5).astype("uint8").tobytes())


@contextlib.contextmanager
def opened(
    path: Path, n: int, image_shape: Sequence[int], labels: np.ndarray | None = None
) -> Iterator[PngFolder | NpzFile]:
    """Open what takes ``n`` images; a file is there only once it is whole.

    Raises:
        ValueError: the folder is not empty, or a file.
    """
    if path.suffix.lower() != ARRAYS:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ValueError(f"`out` must be a new or empty folder; received {str(path)!r}.")
        path.mkdir(exist_ok=True)
        yield PngFolder(path, n, labels)
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w") as file:
            taking = NpzFile(file, n, image_shape)
            with taking.entry:
                yield taking
            if labels is not None:
                with file.open("labels.npy", "w") as entry:
                    np.save(entry, labels.astype("int32"))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
