"""Draw data/emoji.webp and write data/emoji.json: emoji of seven sets, 32x32, with captions.

    python data/make_emoji.py                 # download the packages, then build
    python data/make_emoji.py --packages DIR  # use the archives in DIR, fetch what it lacks
    python data/make_emoji.py --check         # build, and compare with the committed files

Everything comes from the packages of the npm registry in data/emoji_sources.csv, each pinned by
version and sha512; `npm pack` downloads them, and nothing of them is run.  The result depends on
the packages, on the rasteriser resvg and on Pillow's WebP encoder only; `VERSIONS` names those that
the committed files were made with (`pip install resvg-py==0.5.0 pillow==13.0.0 numpy`).  See
data/README.md for what the rules leave out.
"""

import argparse
import base64
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from importlib.metadata import version
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
VERSIONS = {"resvg_py": "0.5.0", "pillow": "13.0.0"}
SIZE = 32
LARGE = 128  # pixels of the large drawing, which is then averaged over 4x4
COLUMNS = 100  # pictures in a row of the sheet
LANGUAGES = ("en", "zh")
FILES = ("emoji.webp", "emoji.json", "emoji_sample.webp")

# RMS pixel difference of two pictures (white = 1):
EDITION = 0.06  # at or under, for one concept: the same drawing in two editions or by two teams
DUPLICATE = 0.04  # at or under, for two concepts: a viewer could not tell which one is meant
FAINT = 0.08  # at or under, from a white page: nothing to see
TEST_SHARE = 0.1

TONES = {chr(code) for code in range(0x1F3FB, 0x1F400)}
# Concepts that differ by a hand of a clock or by a numeral: these are kept of them.
CLOCKS = range(0x1F550, 0x1F568)
FEW_CLOCKS = {"🕒", "🕕", "🕙", "🕦"}
KEYCAP = "\u20e3"
FEW_KEYCAPS = {"1" + KEYCAP, "2" + KEYCAP, "3" + KEYCAP, "#" + KEYCAP}

EXCLUDED = {("FxEmojis", "🚋")}  # resvg draws a black box over most of it

# One kin, one side of the split: who is drawn, and which way a picture looks, do not count.
JOINERS = ("\u200d\u2640", "\u200d\u2642", "\u200d\u27a1", "\u200d")  # ♀, ♂, to the right, and
ONE_OF_MANY = str.maketrans(
    {"👨": "🧑", "👩": "🧑", "👦": "🧒", "👧": "🧒", "👴": "🧓", "👵": "🧓", "👸": "🫅", "🤴": "🫅"}
    | {"🤶": "🎅", "👬": "👫", "👭": "👫", "🕺": "💃", "🤰": "🫄", "🫃": "🫄", "🧔": "🧑"}
)

# Concepts whose words all occur in training names, but never in one name: text to image is tested
# with them.  `check_compositions` proves it.
COMPOSITIONS = """
green heart; orange heart; brown heart; broken heart; heart with ribbon
blue circle; purple circle; white circle; yellow square; red square
small orange diamond; large blue diamond; red triangle pointed down
green book; blue book; red envelope; black bird; black cat; white flower
crying cat; kissing cat; weary cat; pouting cat; cat with tears of joy
angry face with horns; smiling face with sunglasses; winking face with tongue
rabbit face; mouse face; horse face; cow face; dragon face; sun with face
sun behind rain cloud; cloud with snow; cloud with lightning and rain
Japanese post office; office building; love hotel; mountain railway; bus stop
oncoming bus; oncoming police car; racing car; motor boat; closed umbrella
tropical fish; baby bottle; rice ball; man’s shoe; woman’s hat; woman mage; man fairy
woman swimming; computer mouse; mobile phone with arrow; locked with key
open mailbox with lowered flag; magnifying glass tilted left; check box with check
down-left arrow; white question mark
""".replace("\n", ";")
COMPOSITIONS = sorted({name.strip() for name in COMPOSITIONS.split(";")} - {""})


def manifest():
    """The rows of emoji_sources.csv, as dictionaries."""
    with open(HERE / "emoji_sources.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def archive(folder, row):
    """Path of a package's archive in `folder`, named as `npm pack` names it."""
    return folder / f"{row['package'].removeprefix('@').replace('/', '-')}-{row['version']}.tgz"


def integrity(content):
    """The digest of a package as the registry of npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def fetch(folder):
    """Download the pinned packages that `folder` lacks; check the digests of all."""
    folder.mkdir(parents=True, exist_ok=True)
    lacking = [row for row in manifest() if not archive(folder, row).exists()]
    if lacking:
        # In a folder of its own: what is cut off must not be taken for an archive.
        with tempfile.TemporaryDirectory(dir=folder) as partial:
            wanted = [f"{row['package']}@{row['version']}" for row in lacking]
            subprocess.run(["npm", "pack", "--silent", *wanted], cwd=partial, check=True)
            for row in lacking:
                os.replace(archive(Path(partial), row), archive(folder, row))
    for row in manifest():
        found = integrity(archive(folder, row).read_bytes())
        if found != row["integrity"]:
            name = archive(folder, row).name
            raise SystemExit(f"{name}: expected {row['integrity']}; received {found}.")


def read(folder, package, member):
    """A JSON file out of the archive of a package."""
    (row,) = (row for row in manifest() if row["package"] == package)
    with tarfile.open(archive(folder, row)) as files:
        return json.load(files.extractfile(f"package/{member}"))


def plain(emoji):
    """The emoji without the sign "as a picture", which some lists write and others do not."""
    return emoji.replace("\ufe0f", "")


def decoded(code):
    """The emoji of code points such as "1f408-200d-2b1b"."""
    return plain("".join(chr(int(part, 16)) for part in code.split("-")))


def letters(name):
    """A name for comparison: "Alarm clock", "alarm-clock" and "alarmclock" are one."""
    name = re.sub("^flag-for-(flag-)?", "flag-", name)  # of older sets
    return re.sub("[^a-z0-9]", "", name.lower())


def kin(emoji):
    """Who and what, without gender and direction: a cook, a man cook and a woman cook are one."""
    for joiner in JOINERS:
        emoji = emoji.replace(joiner, "")
    return emoji.translate(ONE_OF_MANY)


def is_test(emoji):
    """Whether the hash of an emoji's kin is in the lowest tenth."""
    digest = hashlib.sha256(kin(emoji).encode()).digest()
    return int.from_bytes(digest[:8]) < TEST_SHARE * 2**64


def left_out(emoji):
    """Why a concept is not drawn at all, or ""."""
    if TONES & set(emoji):
        return "skin tones"
    if len(emoji) == 1 and ord(emoji) in CLOCKS and emoji not in FEW_CLOCKS:
        return "clock faces"
    if emoji.endswith(KEYCAP) and emoji not in FEW_KEYCAPS:
        return "keycaps"
    return ""


def words(name):
    """The words of an English name, as `check_compositions` counts them."""
    return set(re.findall("[a-z]+", name.lower()))


def read_concepts(folder):
    """Concept of each emoji, in Unicode's order: group, and name and key words per language."""
    texts = {}
    for language in LANGUAGES:
        texts[language] = {}
        for package, key in (
            ("cldr-annotations-full", "annotations"),
            ("cldr-annotations-derived-full", "annotationsDerived"),
        ):
            found = read(folder, package, f"{key}/{language}/annotations.json")
            for emoji, entry in found[key]["annotations"].items():
                texts[language][plain(emoji)] = entry
    concepts = {}
    for emoji, entry in read(folder, "unicode-emoji-json", "data-by-emoji.json").items():
        emoji = plain(emoji)
        concept = {"emoji": emoji, "group": entry["group"]}
        for language in LANGUAGES:
            (name,) = texts[language][emoji]["tts"]
            keywords = [word for word in texts[language][emoji]["default"] if word != name]
            concept |= {language: name, f"keywords_{language}": keywords}
        concepts[emoji] = concept | {"slug": letters(entry["name"])}
    return concepts


def read_icons(folder, package, names, concepts):
    """Emoji -> SVG of one set, in the order of `concepts`, and how many were left out and why."""
    found, icons = {}, read(folder, package, "icons.json")
    codes = read(folder, package, "chars.json")
    # Some sets say the code points of their icons; in others the names tell.
    pairs = [(decoded(code), name) for code, name in codes.items()] or [
        (names.get(letters(name)), name) for name in [*icons["icons"], *icons.get("aliases", {})]
    ]
    counts = Counter()
    for emoji, name in pairs:
        if emoji is None or not (left_out(emoji) or emoji in concepts):
            counts["no emoji of that name"] += 1
        elif left_out(emoji):
            counts[left_out(emoji)] += 1
        elif emoji not in found:
            alias = icons.get("aliases", {}).get(name)
            if not (alias and alias.keys() != {"parent"}):  # one is a picture mirrored
                found[emoji] = svg(icons, icons["icons"][alias["parent"] if alias else name])
    return {emoji: found[emoji] for emoji in concepts if emoji in found}, counts


def svg(icons, icon):
    """A whole SVG file of one icon, `LARGE` pixels wide and high."""
    left, top = icon.get("left", 0), icon.get("top", 0)
    width, height = (icon.get(side, icons.get(side, 16)) for side in ("width", "height"))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' viewBox="{left} {top} {width} {height}" width="{LARGE}" height="{LARGE}">'
        f"{icon['body']}</svg>"
    )


def draw(text):
    """Draw an SVG on white, averaged to (32, 32, 3) uint8."""
    import resvg_py  # here, so that the rules can be tested without it

    drawn = bytes(resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True))
    image = Image.open(io.BytesIO(drawn)).convert("RGBA")
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image)
    return np.asarray(page.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX))


def squared_limit(rms):
    """The squared distance of two pictures that differ by `rms` per value (white = 1)."""
    return (rms * 255) ** 2 * SIZE * SIZE * 3


def close_pairs(pictures, rms):
    """Rows (i, j), i < j, and RMS differences of all pairs of pictures that differ by `rms`."""
    flat = pictures.reshape(len(pictures), -1)
    rough = flat.astype("float32")
    norms = (rough**2).sum(1)
    found = []
    for start in range(0, len(flat), 1000):
        block = slice(start, start + 1000)
        squares = norms[block, None] + norms[None] - 2 * rough[block] @ rough.T
        # float32 rounds: a little more are taken, and measured again in integers.
        i, j = np.nonzero(squares <= squared_limit(rms) + 2000)
        found.append(np.stack([i + start, j], 1)[i + start < j])
    pairs = np.concatenate(found)
    exact = np.array([((flat[i].astype(int) - flat[j]) ** 2).sum() for i, j in pairs], int)
    close = exact <= squared_limit(rms)
    return pairs[close], np.sqrt(exact[close] / squared_limit(1.0))


def drop_duplicates(pictures, concepts):
    """Keep each picture that is not too close to one kept before it.

    Returns: boolean, which are kept; how many were dropped as editions; and as other concepts.
    """
    before = {}
    for (i, j), rms in zip(*close_pairs(pictures, max(EDITION, DUPLICATE)), strict=True):
        same = concepts[i] == concepts[j]
        if rms <= (EDITION if same else DUPLICATE):
            before.setdefault(int(j), []).append((int(i), same))
    kept, counts = np.ones(len(pictures), bool), Counter()
    for j in sorted(before):
        reasons = [same for i, same in before[j] if kept[i]]
        kept[j] = not reasons
        counts["editions" if any(reasons) else "other concepts"] += bool(reasons)
    return kept, counts["editions"], counts["other concepts"]


def check_compositions(training, compositions):
    """What is wrong with each name: words that no training name has, or all of them in one."""
    known = [words(name) for name in training]
    every = set().union(*known)
    faults = {}
    for name in compositions:
        missing, together = words(name) - every, [k for k in known if words(name) <= k]
        if missing or together or len(words(name)) < 2:
            faults[name] = sorted(missing) or [" ".join(sorted(k)) for k in together]
    return faults


def sheet(pictures):
    """All pictures in rows of `COLUMNS`, white after the last, as one image."""
    rows = -(-len(pictures) // COLUMNS)
    page = np.full((rows * COLUMNS, SIZE, SIZE, 3), 255, np.uint8)
    page[: len(pictures)] = pictures
    page = page.reshape(rows, COLUMNS, SIZE, SIZE, 3).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(page.reshape(rows * SIZE, COLUMNS * SIZE, 3))


def webp(image):
    """A Pillow image as lossless WebP."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, method=6, quality=100)
    return buffer.getvalue()


def index(teams, groups, concepts, pictures, splits):
    """emoji.json: an entry a line where that can be read."""
    lines = [f' "teams": {dumps(teams)}', f' "groups": {dumps(groups)}']
    entries = ",\n  ".join(dumps(concept) for concept in concepts)
    lines.append(f' "concepts": [\n  {entries}\n ]')
    lines.append(f' "pictures": {dumps(pictures)}')
    lines += [f' "{split}": {dumps(rows)}' for split, rows in splits.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def figure(pictures, splits):
    """200 pictures of the training split and, below, 200 of the test split: the first rows."""
    blocks = []
    for split in ("train", "test"):
        block = pictures[splits[split][:200]].reshape(8, 25, SIZE, SIZE, 3)
        blocks.append(block.transpose(0, 2, 1, 3, 4).reshape(8 * SIZE, 25 * SIZE, 3))
    line = np.full((SIZE // 4, 25 * SIZE, 3), 128, np.uint8)
    return webp(Image.fromarray(np.concatenate([blocks[0], line, blocks[1]])))


def build(folder, jobs, report=print):
    """Return the contents of `FILES`."""
    concepts = read_concepts(folder)
    names = {}
    for package in ("twemoji", "noto", "fluent-emoji-flat"):
        for code, name in read(folder, f"@iconify-json/{package}", "chars.json").items():
            names.setdefault(letters(name), decoded(code))
    for emoji, concept in concepts.items():
        names.setdefault(concept["slug"], emoji)

    rows = [row for row in manifest() if row["set"]]
    drawings, of = [], []
    for team, row in enumerate(rows):
        found, counts = read_icons(folder, row["package"], names, concepts)
        found = {k: text for k, text in found.items() if (row["set"], k) not in EXCLUDED}
        report(f"{row['set']}: {len(found)} icons; left out {dict(counts.most_common())}")
        drawings += found.values()
        of += [(emoji, team) for emoji in found]
    with Pool(jobs) as pool:
        pictures = np.stack(pool.map(draw, drawings, chunksize=32))
    report(f"{len(pictures)} pictures drawn")

    def keep(chosen, reason):
        nonlocal pictures, of
        report(f"  dropped {np.sum(~chosen)}: {reason}")
        pictures, of = pictures[chosen], [of[i] for i in np.flatnonzero(chosen)]

    off_white = ((255 - pictures.astype(int)) ** 2).sum((1, 2, 3))
    keep(off_white > squared_limit(FAINT), f"within {FAINT} of a white page")
    kept, editions, others = drop_duplicates(pictures, [emoji for emoji, _ in of])
    keep(kept, f"near-duplicates: {editions} of one concept, {others} of others")

    pairs, rms = close_pairs(pictures, 0.1)
    same = np.array([of[i][0] == of[j][0] for i, j in pairs])
    for limit in (0.05, 0.06, 0.08, 0.1):
        near = rms <= limit
        report(f"  left within {limit}: {(near & same).sum()} pairs of one concept,", end=" ")
        report(f"{(near & ~same).sum()} of others")

    drawn = {emoji for emoji, _ in of}
    concepts = [concept for emoji, concept in concepts.items() if emoji in drawn]
    number = {concept["emoji"]: row for row, concept in enumerate(concepts)}
    side = {
        concept["emoji"]: "compositions"
        if concept["en"] in COMPOSITIONS
        else ("test" if is_test(concept["emoji"]) else "train")
        for concept in concepts
    }
    unknown = set(COMPOSITIONS) - {concept["en"] for concept in concepts}
    training = [concept["en"] for concept in concepts if side[concept["emoji"]] == "train"]
    faults = check_compositions(training, COMPOSITIONS)
    if unknown or faults:
        raise SystemExit(f"COMPOSITIONS: unknown {sorted(unknown)}; faults {faults}")

    rng, splits = np.random.default_rng(0), {}
    for split in ("train", "test", "compositions"):
        chosen = [row for row, (emoji, _) in enumerate(of) if side[emoji] == split]
        splits[split] = rng.permutation(chosen).tolist()
        count = len({of[row][0] for row in chosen})
        report(f"{split}: {len(chosen)} pictures of {count} concepts")
    side_of = np.array([side[emoji] for emoji, _ in of])
    for split in ("test", "compositions"):
        crossing = (side_of[pairs] == split).any(1) & (side_of[pairs] == "train").any(1)
        near = [
            len(set(pairs[crossing & (rms <= limit)].ravel()) & set(splits[split]))
            for limit in (0.05, 0.08, 0.1)
        ]
        report(f"  {split}: so many within 0.05, 0.08, 0.1 of a training picture: {near}")
    groups = list(dict.fromkeys(concept["group"] for concept in concepts))
    teams = [row["set"] for row in rows]
    for concept in concepts:
        del concept["slug"]
        concept["group"] = groups.index(concept["group"])
    listed = [[number[emoji], team] for emoji, team in of]
    for split, chosen in splits.items():
        report(split, dict(Counter(teams[listed[row][1]] for row in chosen)))
        report(split, dict(Counter(groups[concepts[listed[row][0]]["group"]] for row in chosen)))
    text = index(teams, groups, concepts, listed, splits)
    return dict(zip(FILES, (webp(sheet(pictures)), text, figure(pictures, splits)), strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="folder for archives; default temporary")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes that draw")
    parser.add_argument("--check", action="store_true", help="compare with the files in data/")
    arguments = parser.parse_args()
    versions = {name: version(name) for name in VERSIONS}
    if versions != VERSIONS:
        print(f"warning: drawn with {VERSIONS}; here {versions}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.packages or Path(temporary)
        fetch(folder)
        files = build(folder, arguments.jobs)
    different = 0
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        print(f"{name}: sha256 {digest}, {len(content):,} bytes")
        if arguments.check:
            same = content == (HERE / name).read_bytes()
            print("  the same as" if same else "  DIFFERS from", f"data/{name}")
            different += not same
        else:
            partial = arguments.out / f"{name}.partial"
            partial.write_bytes(content)
            os.replace(partial, arguments.out / name)
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
