"""Bad input through the library and the command line: one line that names what is wrong.

A long table that repeats the same guards: not part of ``pytest tests``, whose files have shorter
tables of their own; ``.ci/run`` names this folder.
"""

import io
import re
import warnings

import numpy as np
import pytest
from PIL import Image
from tiny import make_photographs, shrink_recipes, train

import gentut
from gentut import cli, data, human, metrics, plots, runs
from gentut.evaluation import features
from gentut.models import networks, recipes

GOOD = np.zeros((4, 16, 16, 1), "float32")
FEATURES = np.random.default_rng(0).normal(size=(20, 4))
LABELS = np.array([0, 1, 0, 1])
NAN = np.full((4, 16, 16, 1), np.nan, "float32")
OURS = (ValueError, TypeError, OSError)


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        shrink_recipes(patch)
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Models, a trained run, folders of good and of bad files."""
    root = tmp_path_factory.mktemp("world")
    world = type("World", (), {})()
    world.root, world.photos = root, make_photographs(root / "photos")
    world.run = root / "run"
    train("gaussian", world.photos, world.run, size=16, channels=1, conditional=True)
    world.vae, world.gan = (recipes.build(name, (16, 16, 1)) for name in ("vae", "gan"))
    world.flow = recipes.build("flow", (16, 16, 1), 2)
    world.conditional = recipes.build("vae", (16, 16, 1), 2)
    world.generator = networks.generator((16, 16, 1), 4)
    world.discriminator = networks.discriminator((16, 16, 1))
    world.encoder = networks.encoder((16, 16, 1), 4)
    world.decoder = networks.decoder((16, 16, 1), 4)
    world.folder = lambda name, **files: folder(root / name, files)
    return world


def folder(path, files):
    """A folder with these files, each four times, so that both splits have some."""
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        stem, suffix = name.rsplit("_", 1)
        for i in range(12):
            (path / f"{stem}{i}.{suffix}").write_bytes(content)
    return path


def picture(format, size=(40, 40), mode="RGB"):
    content = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype="uint8")
    Image.fromarray(noise).convert(mode).save(content, format)
    return content.getvalue()


def bomb(width, height):
    content = io.BytesIO()
    Image.new("1", (width, height)).save(content, "PNG")
    return content.getvalue()


# What is called with what; `w` is the world above ------------------------------------------------

FIT = {
    "int16 images": lambda m: m.fit((GOOD * 255).astype("int16")),
    "images from 0 to 255": lambda m: m.fit(GOOD + 255),
    "images from -1 to 1": lambda m: m.fit(GOOD - 1),
    "NaN": lambda m: m.fit(NAN),
    "infinity": lambda m: m.fit(GOOD + np.inf),
    "no images": lambda m: m.fit(GOOD[:0]),
    "one image without its axis": lambda m: m.fit(GOOD[0]),
    "no channel axis": lambda m: m.fit(GOOD[..., 0]),
    "three channels": lambda m: m.fit(np.repeat(GOOD, 3, -1)),
    "channels first": lambda m: m.fit(GOOD.transpose(0, 3, 1, 2)),
    "other size": lambda m: m.fit(GOOD[:, :8]),
    "text": lambda m: m.fit("images"),
    "None": lambda m: m.fit(None),
    "objects": lambda m: m.fit(np.full((4, 16, 16, 1), None)),
    "complex": lambda m: m.fit(GOOD + 0j),
    "labels without classes": lambda m: m.fit(GOOD, LABELS),
    "negative epochs": lambda m: m.fit(GOOD, epochs=-1),
    "no epochs": lambda m: m.fit(GOOD, epochs=0),
    "half an epoch": lambda m: m.fit(GOOD, epochs=0.5),
    "epochs as text": lambda m: m.fit(GOOD, epochs="3"),
    "batch of none": lambda m: m.fit(GOOD, batch_size=0),
    "negative batch": lambda m: m.fit(GOOD, batch_size=-8),
    "batch as text": lambda m: m.fit(GOOD, batch_size="8"),
    "negative step": lambda m: m.fit(GOOD, initial_step=-1),
    "step beyond the epoch": lambda m: m.fit(GOOD, initial_step=99),
    "negative first epoch": lambda m: m.fit(GOOD, initial_epoch=-1),
    "sample none": lambda m: m.sample(0),
    "sample fewer than none": lambda m: m.sample(-3),
    "sample half of one": lambda m: m.sample(2.5),
    "sample text": lambda m: m.sample("many"),
    "sample with labels": lambda m: m.sample(2, labels=[0, 1]),
    "sample with a negative seed": lambda m: m.sample(2, seed=-1),
    "sample with a seed of text": lambda m: m.sample(2, seed="x"),
}
CASES = {
    f"{name}: {text}": (lambda w, name=name, act=act: act(getattr(w, name)))
    for text, act in FIT.items()
    for name in ("vae", "gan")
}
CASES |= {
    # conditional models
    "labels are missing": lambda w: w.conditional.fit(GOOD),
    "labels too large": lambda w: w.conditional.fit(GOOD, LABELS + 1),
    "labels negative": lambda w: w.conditional.fit(GOOD, LABELS - 1),
    "labels of floats": lambda w: w.conditional.fit(GOOD, LABELS / 2),
    "labels of text": lambda w: w.conditional.fit(GOOD, ["a", "b", "a", "b"]),
    "labels one-hot": lambda w: w.conditional.fit(GOOD, np.eye(2)[LABELS]),
    "labels too few": lambda w: w.conditional.fit(GOOD, LABELS[:3]),
    "labels of booleans": lambda w: w.conditional.fit(GOOD, LABELS > 0),
    "sample label too large": lambda w: w.conditional.sample(2, labels=[0, 2]),
    "sample labels too few": lambda w: w.conditional.sample(3, labels=[0, 1]),
    "flow: steps 0": lambda w: w.flow.sample(2, steps=0),
    "flow: method": lambda w: w.flow.sample(2, method="rk45"),
    "flow: guidance NaN": lambda w: w.flow.sample(2, guidance=np.nan),
    "flow: guidance text": lambda w: w.flow.sample(2, guidance="strong"),
    # models and recipes
    "family unknown": lambda w: gentut.build("gann", (16, 16, 1)),
    "family None": lambda w: gentut.build(None, (16, 16, 1)),
    "image shape of two": lambda w: gentut.build("vae", (16, 16)),
    "image shape odd": lambda w: gentut.build("vae", (30, 30, 1)),
    "image shape negative": lambda w: gentut.build("vae", (-16, 16, 1)),
    "image shape text": lambda w: gentut.build("vae", "16x16"),
    "image shape an int": lambda w: gentut.build("vae", 16),
    "classes 0": lambda w: gentut.build("vae", (16, 16, 1), 0),
    "classes text": lambda w: gentut.build("vae", (16, 16, 1), "ten"),
    "latent_dim 0": lambda w: gentut.build("vae", (16, 16, 1), latent_dim=0),
    "latent_dim float": lambda w: gentut.build("gan", (16, 16, 1), latent_dim=1.5),
    "loss unknown": lambda w: gentut.build("gan", (16, 16, 1), loss="mse"),
    "penalty unknown": lambda w: gentut.build("gan", (16, 16, 1), penalties={"r3": 1.0}),
    "ema 1": lambda w: gentut.build("gan", (16, 16, 1), ema=1.0),
    "ema text": lambda w: gentut.build("gan", (16, 16, 1), ema="0.9"),
    "penalty interval 0": lambda w: gentut.build("gan", (16, 16, 1), penalty_interval=0),
    "critic steps -1": lambda w: gentut.build("gan", (16, 16, 1), critic_steps=-1, fused=False),
    "fused with critic steps": lambda w: gentut.build("gan", (16, 16, 1), critic_steps=2),
    "beta negative": lambda w: gentut.build("vae", (16, 16, 1), beta=-1.0),
    "beta NaN": lambda w: gentut.build("vae", (16, 16, 1), beta=np.nan),
    "beta text": lambda w: gentut.build("vae", (16, 16, 1), beta="4"),
    "likelihood unknown": lambda w: gentut.build("vae", (16, 16, 1), likelihood="poisson"),
    "kl_warmup 2": lambda w: gentut.build("vae", (16, 16, 1), kl_warmup=2),
    "free_bits infinite": lambda w: gentut.build("vae", (16, 16, 1), free_bits=np.inf),
    "drop_labels -1": lambda w: gentut.build("flow", (16, 16, 1), drop_labels=-1),
    "latent sizes that do not fit": lambda w: gentut.VAE(w.encoder, networks.decoder((16, 16, 1))),
    "decoder of another size": lambda w: gentut.VAE(w.encoder, networks.decoder((32, 32, 1), 4)),
    "discriminator of another size": lambda w: gentut.GAN(
        w.generator, networks.discriminator((32, 32, 1))
    ),
    "conditional on one side": lambda w: gentut.GAN(
        w.generator, networks.discriminator((16, 16, 1), num_classes=2)
    ),
    "vae inside a latent flow": lambda w: gentut.LatentFlow("vae", None),
    "batch of a family unknown": lambda w: gentut.find_batch_size("cat", GOOD),
    "batch of a family without batches": lambda w: gentut.find_batch_size("gaussian", GOOD),
    "batch for a list": lambda w: gentut.find_batch_size("gan", [[0.5]]),
    "batch for NaN": lambda w: gentut.find_batch_size("gan", NAN),
    "batch for uint8": lambda w: gentut.find_batch_size("gan", (GOOD * 255).astype("uint8")),
    "batch larger than the data": lambda w: gentut.find_batch_size("gan", GOOD),
    "batch with labels of text": lambda w: gentut.find_batch_size("gan", GOOD, ["a"] * 4),
    "batch with labels too few": lambda w: gentut.find_batch_size("gan", GOOD, LABELS[:2]),
    "batch with negative labels": lambda w: gentut.find_batch_size("gan", GOOD, LABELS - 1),
    "batch in no time": lambda w: gentut.find_batch_size("gan", GOOD, seconds=0),
    "batch of at most none": lambda w: gentut.find_batch_size("gan", GOOD, most=0),
    "devices 0": lambda w: gentut.use_devices(0),
    "devices negative": lambda w: gentut.use_devices(-2),
    "devices a half": lambda w: gentut.use_devices(0.5),
    "devices text": lambda w: gentut.use_devices("all"),
    "devices None": lambda w: gentut.use_devices(None),
    "seed negative": lambda w: gentut.seed(-1),
    "seed too large": lambda w: gentut.seed(2**32),
    "seed float": lambda w: gentut.seed(0.5),
    "seed boolean": lambda w: gentut.seed(True),
    "minutes 0": lambda w: gentut.callbacks.TimeBudget(0),
    "minutes NaN": lambda w: gentut.callbacks.TimeBudget(np.nan),
    "minutes text": lambda w: gentut.callbacks.TimeBudget("1"),
    "decode latents of other size": lambda w: w.vae.decode(np.zeros((2, 3))),
    "encode other images": lambda w: w.vae.encode(GOOD[:, :8]),
    "bound of no samples": lambda w: w.vae.log_likelihood(GOOD, samples=0),
    "prior of no components": lambda w: w.vae.fit_prior(GOOD, components=0),
    "latents of other size": lambda w: w.gan.sample(2, latents=np.zeros((2, 3))),
    "pretrained unknown": lambda w: gentut.load_pretrained("gan-cats"),
    # data
    "data unknown": lambda w: data.load("glyfs"),
    "data an int": lambda w: data.load(3),
    "data None": lambda w: data.load(None),
    "data a file": lambda w: data.load(__file__),
    "data empty name": lambda w: data.load(""),
    "data a name of 5000 letters": lambda w: data.load("a" * 5000),
    "data with a zero byte": lambda w: data.load("a\0b"),
    "split unknown": lambda w: data.load("glyphs", "valid"),
    "size 0": lambda w: data.load("glyphs", size=0),
    "size float": lambda w: data.load("glyphs", size=28.0),
    "size boolean": lambda w: data.load("glyphs", size=True),
    "size of gigabytes": lambda w: data.load("glyphs", size=10**9),
    "channels 2": lambda w: data.load("glyphs", channels=2),
    "classes unknown": lambda w: data.load("glyphs", classes=["A", "Z"]),
    "classes empty": lambda w: data.load("glyphs", classes=[]),
    "classes an int": lambda w: data.load("glyphs", classes=3),
    "on_error unknown": lambda w: data.load("glyphs", on_error="ignore"),
    "folder empty": lambda w: data.load(w.folder("empty")),
    "folder of text": lambda w: data.load(w.folder("texts", a_txt=b"x")),
    "text named .png": lambda w: data.load(w.folder("text", a_png=b"no picture")),
    "html named .jpg": lambda w: data.load(w.folder("html", a_jpg=b"<html>404</html>")),
    "0 bytes": lambda w: data.load(w.folder("zero", a_png=b"")),
    "truncated JPEG": lambda w: data.load(w.folder("jpeg", a_jpg=picture("JPEG")[:600])),
    "truncated PNG": lambda w: data.load(w.folder("png", a_png=picture("PNG")[:600])),
    "truncated WebP": lambda w: data.load(w.folder("webp", a_webp=picture("WEBP")[:90])),
    "TIFF named .png": lambda w: data.load(w.folder("tiff", a_png=picture("TIFF"))),
    "GIF named .png": lambda w: data.load(w.folder("gif", a_png=picture("GIF"))),
    "bomb of 30,000 × 30,000": lambda w: data.load(w.folder("bomb", a_png=BOMB)),
    "bomb of 400,000 × 500": lambda w: data.load(w.folder("wide", a_png=bomb(400_000, 500))),
    "only a loop of links": lambda w: data.load(loop(w)),
    "GENTUT_DATA no folder": lambda w: with_data("/no/such/place"),
    "npz empty": lambda w: with_npz(w, b""),
    "npz of text": lambda w: with_npz(w, b"hello"),
    "npz truncated": lambda w: with_npz(w, npz(x_train=GOOD)[:200]),
    "npz without arrays": lambda w: with_npz(w, npz(other=GOOD)),
    "npz of other shapes": lambda w: with_npz(w, npz(x_train=GOOD, y_train=LABELS)),
    "npz with pickled objects": lambda w: with_npz(w, npz(x_train=np.array([{}]), y_train=LABELS)),
    # metrics
    "neighbours more than samples": lambda w: metrics.precision_recall_density_coverage(
        FEATURES, FEATURES, nearest_k=20
    ),
    "neighbours 0": lambda w: metrics.precision_recall_density_coverage(
        FEATURES, FEATURES, nearest_k=0
    ),
    "features of one row": lambda w: metrics.frechet_distance(FEATURES[:1], FEATURES),
    "features of other width": lambda w: metrics.frechet_distance(FEATURES, FEATURES[:, :3]),
    "features with NaN": lambda w: metrics.frechet_distance(FEATURES * np.nan, FEATURES),
    "features of images": lambda w: metrics.frechet_distance(GOOD, GOOD),
    "features of text": lambda w: metrics.frechet_distance(np.array([["a"]] * 3), FEATURES),
    "kernel: no subsets": lambda w: metrics.kernel_distance(FEATURES, FEATURES, subsets=0),
    "inception: not probabilities": lambda w: metrics.inception_score(FEATURES),
    "inception: more splits than rows": lambda w: metrics.inception_score(
        np.full((4, 2), 0.5), splits=9
    ),
    "psnr: two shapes": lambda w: metrics.psnr(GOOD, GOOD[:2]),
    "ssim: too small": lambda w: metrics.ssim(GOOD[:, :8, :8], GOOD[:, :8, :8]),
    "bootstrap: confidence 2": lambda w: metrics.bootstrap(np.mean, FEATURES, confidence=2),
    "bits: dimensions 0": lambda w: metrics.bits_per_dim(np.zeros(3), 0),
    "memorisation: cells 0": lambda w: metrics.memorisation(FEATURES, FEATURES, FEATURES, cells=0),
    "extractor unknown": lambda w: features.load("imagenet"),
    "evaluate: n 0": lambda w: gentut.evaluate(w.vae, n=0),
    "evaluate: no model": lambda w: gentut.evaluate("vae"),
    # pictures
    "grid of one image": lambda w: plots.image_grid(GOOD[0]),
    "grid of 0 to 255": lambda w: plots.image_grid(GOOD + 255),
    "grid of no columns": lambda w: plots.image_grid(GOOD, columns=0),
    "grid of no images": lambda w: plots.image_grid(GOOD[:0]),
    "gif of nothing": lambda w: plots.training_gif(w.root / "a.gif", []),
    "curves of nothing": lambda w: plots.training_curves({}),
    "slerp of two lengths": lambda w: plots.slerp(np.ones(3), np.ones(2), 0.5),
    # people
    "study: no trials": lambda w: human.make_study(GOOD, GOOD, trials=0),
    "study: protocol": lambda w: human.make_study(GOOD, GOOD, protocol="guess"),
    "study: images 0 to 255": lambda w: human.make_study(GOOD + 255, GOOD),
    "raters: error 2": lambda w: human.needed_raters(2.0, 60),
    "raters: trials 0": lambda w: human.needed_raters(0.4, 0),
    "key of text": lambda w: human.load_key(w.folder("key", a_json=b"x") / "a0.json"),
    "key deep as a well": lambda w: human.load_key(
        w.folder("well", a_json=b"[" * 100_000) / "a0.json"
    ),
    "key missing": lambda w: human.load_key(w.root / "none.json"),
    # runs
    "run: family": lambda w: train("cat", w.photos, w.root / "new"),
    "run: out a file": lambda w: train("vae", w.photos, __file__),
    "run: out below a file": lambda w: train("vae", w.photos, f"{__file__}/run", size=16),
    "run: out not empty": lambda w: train("vae", w.photos, w.photos),
    "run: a name too long": lambda w: train("vae", w.photos, w.root / ("a" * 300), size=16),
    "run: a zero byte": lambda w: train("vae", w.photos, "a\0b", size=16),
    "run: size 30": lambda w: train("vae", w.photos, w.root / "new", size=30),
    "run: minutes and epochs": lambda w: train(
        "vae", w.photos, w.root / "new", minutes=1, epochs=1
    ),
    "run: minutes text": lambda w: train("vae", w.photos, w.root / "new", minutes="1"),
    "run: batch -1": lambda w: train("vae", w.photos, w.root / "new", batch_size=-1),
    "run: seed 2**40": lambda w: train("vae", w.photos, w.root / "new", seed=2**40),
    "run: conditional on one class": lambda w: train(
        "vae", w.photos / "train" / "bars", w.root / "new", conditional=True, size=16
    ),
    "resume: no run": lambda w: gentut.resume(w.photos),
    "resume: no folder": lambda w: gentut.resume(w.root / "none"),
    "resume: other seed": lambda w: runs.resume(w.run, seed=5),
    "score: no run": lambda w: runs.evaluate([w.photos]),
    "score: n 0": lambda w: runs.evaluate([w.run], n=0),
    "show: no words": lambda w: gentut.show(None, ""),
    "budget of two types": lambda w: gentut.budget(1, 2.0),
}
BOMB = bomb(30_000, 30_000)


def loop(w):
    path = w.root / "loop"
    path.mkdir(exist_ok=True)
    (path / "again").symlink_to(path)
    (path / "self.png").symlink_to("self.png")
    return path


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def with_npz(w, content):
    path = w.root / "archive"
    path.mkdir(exist_ok=True)
    (path / "mnist.npz").write_bytes(content)
    with_data(path)


def with_data(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENTUT_DATA", str(path))
        data.load("mnist")


def files_of(world):
    return {path for path in world.root.rglob("*") if "photos" not in path.parts}


def in_order(text):
    """A message of one line that names something in `backticks` or a file, and what came."""
    assert "\n" not in text and 20 < len(text) < 2500, text
    assert re.search(r"`[\w.]+`|GENTUT_DATA|'[^']*'|images cannot be read", text), text


@pytest.mark.parametrize("case", CASES)
def test_the_library_names_what_is_wrong(case, world):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(OURS) as error:
            CASES[case](world)
    assert type(error.value) is not OSError or error.value.args, error.value
    in_order(str(error.value))
    assert not (world.root / "new").exists()


# The command line: words, and what the line must hold ---------------------------------------------

WORDS = {
    "": "required",
    "fly": "invalid choice",
    "train": "--out",
    "train vae": "--out",
    "train cat --out NEW": "`family`",
    "train --epochs 0 --out NEW": "`epochs`",
    "train --data nowhere --out NEW": "`data`",
    "train vae --data nowhere --out NEW": "`data`",
    "train vae --epochs 0 --out NEW": "`epochs`",
    "train vae --epochs x --out NEW": "invalid int",
    "train vae --minutes -1 --out NEW": "`minutes`",
    "train vae --minutes nan --out NEW": "`minutes`",
    "train vae --minutes 1 --epochs 1 --out NEW": "`minutes` and `epochs`",
    "train vae --batch-size 0 --out NEW": "`batch_size`",
    "train vae --devices 0 --out NEW": "--devices",
    "train vae --devices -1 --out NEW": "--devices",
    "train vae --devices many --out NEW": "--devices",
    "train vae --devices 1.5 --out NEW": "--devices",
    "train vae --size 30 --out NEW": "`size`",
    "train vae --channels 2 --out NEW": "invalid choice",
    "train vae --seed -1 --out NEW": "`seed`",
    "train vae --out PHOTOS": "`out`",
    "train vae --out RUN": "`out`",
    "train vae --out FILE": "`out`",
    "train --out NEW --resume": "`out`",
    "train --out PHOTOS --resume": "`out`",
    "train --out RUN --resume --seed 9": "`seed`",
    "train vae --data PHOTOS/train/bars --conditional --size 16 --out NEW": "`conditional`",
    "sample": "required",
    "sample PHOTOS --out NEW.png": "`run`",
    "sample NEW --out NEW.png": "`run`",
    "sample RUN --out NEW.jpg": "`out`",
    "sample RUN --out NEW/a.png": "`out`",
    "sample RUN -n 0 --out NEW.png": "`n`",
    "sample RUN -n -4 --out NEW.png": "`n`",
    "sample RUN --label 7 --out NEW.png": "`labels`",
    "sample RUN --seed -1 --out NEW.png": "`seed`",
    "evaluate": "required",
    "evaluate PHOTOS": "`run`",
    "evaluate RUN -n 1": "`n`",
    "evaluate RUN NEW": "`run`",
    "compare --families vae vae --out NEW": "`families`",
    "compare --families cat --out NEW": "`family`",
    "compare --minutes 0 --out NEW": "`minutes`",
    "compare -n 0 --out NEW": "`n`",
    "compare --data nowhere --out NEW": "`data`",
    "compare --out PHOTOS": "`out`",
    "compare --out NEW --resume": "`out`",
    "study": "required",
    "study make NEW --out NEW2": "`run`",
    "study make RUN --trials 0 --out NEW": "`trials`",
    "study make RUN --protocol guess --out NEW": "`protocol`",
    "study make RUN --trials 4 --practice 0 --exposure 3 --out NEW": "`exposure_ms`",
    "study analyse FILE --key NEW": "`path`",
    "study analyse NEW --key FILE": "`path`",
    "data --size": "expected one argument",
}


@pytest.mark.parametrize("words", WORDS)
def test_the_command_line_ends_with_one_line_and_code_2(words, world, capsys):
    before = files_of(world)
    places = {"NEW": world.root / "new", "PHOTOS": world.photos, "RUN": world.run, "FILE": __file__}
    arguments = [
        re.sub("NEW|PHOTOS|RUN|FILE", lambda found: str(places[found[0]]), word)
        for word in words.split()
    ]
    try:
        code = cli.main(arguments)
    except SystemExit as ended:  # what argparse refuses
        code = ended.code
    printed = capsys.readouterr()
    lines = [
        line
        for line in printed.err.splitlines()
        if "note:" not in line and ": decoding " not in line
    ]
    assert code == 2 and lines[-1].startswith("gentut") and WORDS[words] in lines[-1], printed.err
    assert "Traceback" not in printed.err
    assert files_of(world) == before


def test_there_are_enough_of_them():
    assert len(CASES) + len(WORDS) >= 150
