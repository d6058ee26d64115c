"""Draw data/glyphs.npz: the capitals A-J of some two thousand open typefaces, 28x28.

    python data/make_glyphs.py                # download and unpack the packages, then build
    python data/make_glyphs.py --fonts DIR    # use DIR/<package>/usr/share/..., fetch what it lacks
    python data/make_glyphs.py --check        # build, and compare with data/glyphs.npz

The fonts come from the Debian packages in data/fonts.csv, each pinned by version and sha256.
Nothing is installed.  Pixel arithmetic is exact (integers, or float64 holding integers), so the
result depends on the packages and on FreeType's rasteriser only; `PILLOW` and `FREETYPE` name the
versions that the committed file was drawn with.  See data/README.md for what the rules leave out.
"""

import argparse
import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image, ImageFont, features
from PIL import __version__ as pillow_version

HERE = Path(__file__).resolve().parent
PILLOW, FREETYPE = "13.0.0", "2.14.3"
LETTERS = "ABCDEFGHIJ"
EM = 320  # pixels per em in the large drawing: capitals are about 220 pixels high
CANVAS, BOX = 28, 20  # as in MNIST: the longer side of each letter fills 20 of 28 pixels

# RMS pixel difference of two faces over the ten letters (white = 1):
DUPLICATE = 0.09  # at or under: the same face, drawn twice
LOOKALIKE = 0.06  # at or under, for any two faces: their families share a side of the split
FAINT = 128  # a letter whose brightest pixel is darker has vanished between the pixels
LEGIBLE = 6  # so many of the ten letters must be nearest to the same letter of another family
LARGEST_SERIES = 24  # faces kept per series (see below)
TEST_SHARE = 0.17

# Words that name a foundry, a series or a style, not a design: "TeX Gyre Heros" is "heros".
NO_DESIGN = {
    "adf", "bold", "brk", "cmu", "gfs", "google", "gyre", "ibm", "libre", "light", "linux", "math",
    "medium", "mono", "new", "open", "roman", "sans", "serif", "sil", "small", "smallcaps", "std",
    "symbol", "tex", "the", "tlwg", "typewriter", "urw",
}  # fmt: skip
COLLECTIONS = {"qualitype"}  # the one TeX directory that holds a whole library of unrelated designs

# Faces that pass every rule and still are not ten Latin capitals; found on the contact sheets.
EXCLUDED = {
    "/initials/": "ornaments fill the image",
    "/linex/ellen": "Greek at Latin code points",
    "/linex/alpha-beta": "Greek at Latin code points",
    "/StandardSymbolsPS": "Greek at Latin code points",
    "/drmgrk": "Greek at Latin code points",
    "/cmex10": "brackets at Latin code points",
    "/carolmin-ps/": "small letters at the code points of capitals",
    "/nucleus.ttf": "discs that differ by a few pixels",
}


def fetch(folder):
    """Download the pinned packages with apt-get, check their digests and unpack them."""
    folder.mkdir(parents=True, exist_ok=True)
    for package, version, digest, *_ in manifest():
        target = folder / package
        if target.exists():
            continue
        with tempfile.TemporaryDirectory() as temporary:
            command = ["apt-get", "download", "-o", "APT::Sandbox::User=root"]
            command.append(f"{package}={version}")
            subprocess.run(command, cwd=temporary, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(temporary).glob("*.deb")
            found = hashlib.sha256(archive.read_bytes()).hexdigest()
            if found != digest:
                raise SystemExit(f"{archive.name}: expected sha256 {digest}; received {found}.")
            partial = folder / f"{package}.partial"
            subprocess.run(["dpkg-deb", "-x", archive, partial], check=True)
            os.replace(partial, target)


def manifest():
    """The rows of fonts.csv: package, version, sha256, licence."""
    with open(HERE / "fonts.csv", newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def font_files(folder):
    """Paths of all font files, outlines in OpenType before Type 1, relative to `folder`."""
    order = {".otf": 0, ".ttf": 0, ".pfb": 1, ".t1": 1}
    paths = []
    for package, *_ in manifest():
        for parent, _, names in os.walk(folder / package):
            for name in names:
                path = Path(parent, name)
                if path.suffix.lower() in order and not path.is_symlink():
                    paths.append(path.relative_to(folder).as_posix())
    return sorted(paths, key=lambda p: (order[Path(p).suffix.lower()], p))


def outline(font, character):
    """The character drawn large and cropped to its ink, or None if there is no ink."""
    mask = font.getmask(character, mode="L")
    if 0 in mask.size:
        return None
    image = Image.frombytes("L", mask.size, bytes(mask))
    box = image.getbbox()
    return image.crop(box) if box else None


def reduce(image):
    """Reduce by area averaging so that the longer side is 20 pixels, centred in 28x28."""
    width, height = image.size
    side = max(width, height) * CANVAS / BOX
    room = int(side) + 3
    left, top = (room - width) // 2, (room - height) // 2
    canvas = Image.new("L", (room, room))
    canvas.paste(image, (left, top))
    x, y = left + width / 2 - side / 2, top + height / 2 - side / 2
    box = (x, y, x + side, y + side)
    return np.asarray(canvas.resize((CANVAS, CANVAS), Image.Resampling.BOX, box=box))


def draw(path):
    """Return (family, (10, 28, 28) uint8) for one font file, or (reason, None)."""
    try:
        font = ImageFont.truetype(path, EM, layout_engine=ImageFont.Layout.BASIC)
        missing = outline(font, "\uffff")  # never a character: this is the font's "no glyph" box
        large = [outline(font, letter) for letter in LETTERS]
    except OSError:
        return "unreadable", None
    if any(image is None for image in large):
        return "a letter is blank", None
    if missing and any(image.tobytes() == missing.tobytes() for image in large):
        return "a letter is missing", None
    if not all(EM / 16 <= max(image.size) <= 3 * EM for image in large):
        return "a letter is tiny or huge", None
    small = np.stack([reduce(image) for image in large])
    if len({image.tobytes() for image in small}) < len(LETTERS):
        return "two letters are the same", None
    if small.max(axis=(1, 2)).min() < FAINT:
        return "a letter is too faint", None
    family = font.getname()[0]
    return family if family and family.isprintable() else Path(path).stem, small


def design(family):
    """First word of a family name that names a design: "Roboto Slab" -> "roboto"."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", family)
    words = [word.lower() for word in words if len(word) >= 3]
    return next((word for word in words if word not in NO_DESIGN), family.lower())


def series(path, family):
    """The TeX directory of a face (one type family each), or the first word of its name."""
    directory = Path(path).parent.name
    if path.startswith("texlive") and directory not in COLLECTIONS:
        return f"tex:{directory}"
    return design(family)


def squared_distances(a, b):
    """Squared pixel distances between rows of uint8: integers below 2**53, so float64 is exact."""
    a, b = a.astype("float64"), b.astype("float64")
    return (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * (a @ b.T)


def squared_limit(rms):
    """The squared distance of two faces that differ by `rms` per pixel (white = 1)."""
    return (rms * 255) ** 2 * len(LETTERS) * CANVAS**2


def drop_duplicates(distances):
    """Keep each face that is farther than DUPLICATE from every face kept before it."""
    kept = []
    for i in range(len(distances)):
        if not kept or distances[i, kept].min() > squared_limit(DUPLICATE):
            kept.append(i)
    return np.array(kept)


def recognised(faces, families):
    """How many letters of each face are nearest to the same letter of another family."""
    pixels = faces.reshape(-1, CANVAS * CANVAS)
    letters = np.tile(np.arange(len(LETTERS)), len(faces))
    owners = np.repeat(families, len(LETTERS))
    counts = np.zeros(len(faces), int)
    for start in range(0, len(pixels), 2000):
        rows = slice(start, start + 2000)
        distances = squared_distances(pixels[rows], pixels)
        distances[owners[rows, None] == owners[None]] = np.inf
        right = letters[distances.argmin(1)] == letters[rows]
        np.add.at(counts, np.arange(start, start + len(right)) // len(LETTERS), right)
    return counts


def thin_out(members, distances):
    """At most LARGEST_SERIES of `members`, each next one the farthest from those chosen."""
    chosen = [members[0]]
    while len(chosen) < min(LARGEST_SERIES, len(members)):
        nearest = distances[np.ix_(members, chosen)].min(1)
        chosen.append(members[int(nearest.argmax())])
    return sorted(chosen)


class Groups:
    """Sets of names that grow together (union-find)."""

    def __init__(self):
        self.parent = {}

    def find(self, name):
        self.parent.setdefault(name, name)
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def join(self, a, b):
        a, b = sorted((self.find(a), self.find(b)))
        self.parent[b] = a


def group_by_name(paths, names):
    """Superfamilies: faces of one first word or of one TeX directory, and what these chain."""
    groups = Groups()
    for path, name in zip(paths, names, strict=True):
        groups.join(design(name), series(path, name))
    return np.array([groups.find(design(name)) for name in names])


def group_lookalikes(families, distances):
    """Superfamilies joined where any two of their faces look alike: clones, renamings."""
    groups = Groups()
    for i, j in np.argwhere(np.triu(distances <= squared_limit(LOOKALIKE), 1)):
        groups.join(families[i], families[j])
    return np.array([groups.find(family) for family in families])


def choose_test(groups):
    """Boolean per face: groups in the order of a hash, none of over 2 % of the faces."""
    sizes = Counter(groups.tolist())
    test, count = set(), 0
    for name in sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if sizes[name] <= 0.02 * len(groups) and count < TEST_SHARE * len(groups):
            test.add(name)
            count += sizes[name]
    return np.array([name in test for name in groups])


def npz_bytes(arrays):
    """The arrays as a compressed .npz without time stamps: same arrays, same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(entry, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()


def figure(arrays):
    """Contact sheet: the letters of 30 faces, 20 of the training and 10 of the test split."""
    blocks = []
    for split, rows in (("train", 20), ("test", 10)):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        # Columns are letters; consecutive images of a letter come from unrelated faces.
        columns = [np.concatenate(x[y == label][: 2 * rows]) for label in range(len(LETTERS))]
        left = [column[: rows * CANVAS] for column in columns]
        right = [column[rows * CANVAS :] for column in columns]
        gap = np.full((rows * CANVAS, CANVAS // 2), 255, np.uint8)
        blocks.append(np.concatenate([*left, gap, *right], axis=1))
    gap = np.full((CANVAS // 2, blocks[0].shape[1]), 255, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate([blocks[0], gap, blocks[1]])).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def build(folder, jobs, report=print):
    """Return the arrays of glyphs.npz and, for the datasheet, the font file of each face."""
    paths = font_files(folder)
    with Pool(jobs) as pool:
        drawn = pool.map(draw, [str(folder / path) for path in paths], chunksize=16)
    report(f"{len(paths)} font files")
    for reason, count in Counter(r for r, image in drawn if image is None).most_common():
        report(f"  dropped {count}: {reason}")

    complete = [i for i, (_, image) in enumerate(drawn) if image is not None]
    paths = np.array([paths[i] for i in complete])
    names = np.array([drawn[i][0] for i in complete])
    faces = np.stack([drawn[i][1] for i in complete])
    families = group_by_name(paths, names)
    distances = squared_distances(*2 * (faces.reshape(len(faces), -1),))

    def keep(index, reason):
        nonlocal paths, names, faces, families, distances
        report(f"  dropped {len(paths) - len(index)}: {reason}")
        paths, names, faces, families = paths[index], names[index], faces[index], families[index]
        distances = distances[np.ix_(index, index)]

    # The groups are made before anything is dropped, so that a dropped clone still links families.
    groups = group_lookalikes(families, distances)
    group_of = dict(zip(families.tolist(), groups.tolist(), strict=True))
    keep(drop_duplicates(distances), f"within {DUPLICATE} of a face kept already")
    named = np.array([not any(part in path for part in EXCLUDED) for path in paths])
    keep(np.flatnonzero(named), "excluded by name")
    legible = recognised(faces, families) >= LEGIBLE
    keep(np.flatnonzero(legible), f"fewer than {LEGIBLE} of the ten letters recognised")
    of = np.array([series(path, name) for path, name in zip(paths, names, strict=True)])
    members = [np.flatnonzero(of == one).tolist() for one in np.unique(of)]
    index = np.sort(np.concatenate([thin_out(m, distances) for m in members]).astype(int))
    keep(index, f"more than {LARGEST_SERIES} faces of one series")

    test = choose_test(np.array([group_of[family] for family in families]))
    arrays, rng = {}, np.random.default_rng(0)
    for split, chosen in (("train", ~test), ("test", test)):
        x = faces[chosen].reshape(-1, CANVAS, CANVAS)
        y = np.tile(np.arange(len(LETTERS), dtype=np.uint8), chosen.sum())
        order = rng.permutation(len(x))
        arrays[f"x_{split}"], arrays[f"y_{split}"] = x[order], y[order]
        arrays[f"family_{split}"] = np.repeat(names[chosen], len(LETTERS))[order]
    nearest = np.sqrt(distances[np.ix_(test, ~test)].min(1) / squared_limit(1.0))
    report(f"{len(paths)} faces of {len(set(names))} families, {len(set(families))} superfamilies")
    report(f"train {(~test).sum()} faces, test {test.sum()} of {len(set(names[test]))} families")
    report(f"test face to nearest training face: {nearest.min():.3f} to {nearest.max():.3f}")
    order = ["x_train", "y_train", "x_test", "y_test", "family_train", "family_test"]
    return {name: arrays[name] for name in order}, paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--fonts", type=Path, help="folder for the unpacked packages; default temporary"
    )
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes that draw")
    parser.add_argument("--check", action="store_true", help="compare with the file in data/")
    parser.add_argument("--faces", action="store_true", help="list the font files of all faces")
    arguments = parser.parse_args()
    versions = (pillow_version, features.version("freetype2"))
    if versions != (PILLOW, FREETYPE):
        print(f"warning: drawn with Pillow {PILLOW}, FreeType {FREETYPE}; here {versions}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.fonts or Path(temporary)
        fetch(folder)
        arrays, paths = build(folder, arguments.jobs)
    if arguments.faces:
        print(*paths, sep="\n")
    content = npz_bytes(arrays)
    digest = hashlib.sha256(content).hexdigest()
    print(f"sha256 {digest}, {len(content):,} bytes")
    if arguments.check:
        committed = hashlib.sha256((HERE / "glyphs.npz").read_bytes()).hexdigest()
        print(
            "the same as" if digest == committed else f"DIFFERS from {committed}, the sha256 of",
            "data/glyphs.npz",
        )
        sys.exit(digest != committed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, data in (("glyphs.npz", content), ("glyphs.png", figure(arrays))):
        partial = arguments.out / f"{name}.partial"
        partial.write_bytes(data)
        os.replace(partial, arguments.out / name)


if __name__ == "__main__":
    main()
