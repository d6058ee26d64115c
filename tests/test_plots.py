"""Figures are read back: as arrays where a function returns one, else as pixels of the PNG."""

import io

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox
from PIL import Image

from gentut import checks, plots


def grey(*values, size=4):
    """Flat grey images of the given values, `(n, size, size, 1)`."""
    return np.ones((len(values), size, size, 1), np.float32) * np.reshape(values, (-1, 1, 1, 1))


def pixels_of(figure):
    with Image.open(io.BytesIO(plots.png(figure))) as image:
        return np.asarray(image.convert("RGB"))


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def picture(figure):
    """The array that the figure shows as its image."""
    return np.asarray(figure.axes[0].images[0].get_array())


def decode(z):
    """A decoder whose images show z itself: the left half z_0, the right half z_1."""
    shares = (np.clip(z[:, :2], -3, 3) + 3) / 6
    return np.repeat(shares, 2, axis=1)[:, None, :, None].repeat(4, axis=1)


# tile, pixels ------------------------------------------------------------------------------


def test_tile_puts_images_in_reading_order():
    tiled = plots.tile(grey(0.1, 0.2, 0.3, size=1), columns=2, padding=0, background=0.9)
    np.testing.assert_allclose(tiled[..., 0], [[0.1, 0.2], [0.3, 0.9]])


def test_tile_pads_before_and_between():
    tiled = plots.tile(grey(0, 0, size=2), columns=2, padding=(3, 1))
    assert tiled.shape == (8, 7, 1)
    assert tiled.sum() == 8 * 7 - 2 * 4  # all white but for the two black images


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 3))
def test_tile_keeps_every_pixel(count, columns, padding):
    images = np.random.default_rng(count).random((count, 3, 2, 1), np.float32) / 2
    tiled = plots.tile(images, columns, padding, background=1.0)
    assert sorted(tiled[tiled < 0.75]) == sorted(images.ravel())


def test_pixels_rounds_and_enlarges():
    image = np.array([[[0.0], [0.5], [1.0]]])
    assert np.asarray(plots.pixels(image, scale=2)).tolist() == [[0, 0, 128, 128, 255, 255]] * 2


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((4, 4, 1), np.float32), r"`images` must have shape .* shape \(4, 4, 1\)"),
        (np.zeros((2, 4, 4, 2), np.float32), "with 1 or 3 channels"),
        (np.zeros((0, 4, 4, 1), np.float32), r"received shape \(0, 4, 4, 1\)"),
        (np.zeros((1, 4, 4, 1), np.int8), r"floating point .* \[0, 1\].* received dtype int8"),
        (grey(1.5), r"must lie in \[0, 1\] without NaN; .* values from 1.5 to 1.5"),
        (grey(np.nan), r"must lie in \[0, 1\]"),
    ],
)
def test_images_that_are_none_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        plots.tile(images)
    with pytest.raises(ValueError, match=message):
        plots.image_grid(images)


@pytest.mark.parametrize("value", [-9e-6, 1 + 9e-6])
def test_rounding_errors_are_cut_off(value):
    assert plots.tile(grey(value), padding=0).min() == round(value)
    with pytest.raises(ValueError, match=r"in \[0, 1\] without NaN; received values from"):
        plots.tile(grey(value + (2e-6 if value > 1 else -2e-6)))


def test_figures_and_models_refuse_images_in_the_same_words():
    for images in (grey(1.5), grey(-0.2, 0.5), grey(np.nan), np.zeros((1, 4, 4, 1), np.int64)):
        said = []
        for check in (plots.image_grid, checks.check_images):
            with pytest.raises(ValueError) as error:
                check(images)
            said.append(str(error.value))
        assert said[0] == said[1]


# slerp -------------------------------------------------------------------------------------


def test_slerp_of_a_right_angle():
    # A quarter circle in thirds stands at 30 and 60 degrees.
    points = plots.slerp([2.0, 0.0], [0.0, 2.0], np.array([0, 1 / 3, 2 / 3, 1]))
    root = np.sqrt(3)
    np.testing.assert_allclose(points, [[2, 0], [root, 1], [1, root], [0, 2]], atol=1e-12)


vectors = st.lists(st.floats(-3, 3), min_size=3, max_size=3).map(np.array)


@given(vectors, vectors, st.floats(0, 1))
def test_slerp_keeps_to_the_sphere_and_divides_the_angle(a, b, t):
    if min(np.linalg.norm(a), np.linalg.norm(b)) < 1e-3:
        return
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    whole = np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)
    if whole > 3.1:
        return
    (point,) = plots.slerp(a, b, np.array([t]))
    part = np.arctan2(np.linalg.norm(np.cross(a, point)), a @ point)
    assert np.linalg.norm(point) == pytest.approx(1, abs=1e-9)
    assert part == pytest.approx(t * whole, abs=1e-6)


def test_slerp_of_equal_ends_stays():
    z = np.array([0.3, -2.0])
    np.testing.assert_allclose(plots.slerp(z, z, np.linspace(0, 1, 3)), [z] * 3)


def test_slerp_refuses_what_has_no_arc():
    with pytest.raises(ValueError, match="must not be opposite"):
        plots.slerp([1.0, 0.0], [-2.0, 0.0], np.array([0.5]))
    with pytest.raises(ValueError, match="must not be zero"):
        plots.slerp([0.0, 0.0], [1.0, 0.0], np.array([0.5]))
    with pytest.raises(ValueError, match=r"received shapes \(2,\) and \(3,\)"):
        plots.slerp([1.0, 0.0], [1.0, 0.0, 0.0], np.array([0.5]))


# Images ------------------------------------------------------------------------------------


def test_image_grid_labels_every_image():
    figure = plots.image_grid(grey(0, 0, 0), labels=["ant", "bee", 7], columns=2, title="Insects")
    assert set(texts(figure)) == {
        "ant",
        "bee",
        "7",
        "Insects",
    }
    with pytest.raises(ValueError, match="received 2 labels for 3 images"):
        plots.image_grid(grey(0, 0, 0), labels=[1, 2])


def boxes(figure, images=()):
    """Where the texts of a figure, and those images of its grid, stand on the page."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    axes = figure.axes[0]
    shown = [t for t in axes.findobj(matplotlib.text.Text) if t.get_text()]
    found = {t.get_text(): t.get_window_extent(canvas.get_renderer()) for t in shown}
    corner = axes.transData.transform
    return found, [Bbox([corner((x, y)), corner((x + w, y + h))]) for x, y, w, h in images]


def test_long_captions_take_several_lines_and_cover_nothing():
    names = [f"nearest training image {i} ({letter * 24})" for i, letter in enumerate("abcdefghi")]
    side = 28
    figure = plots.image_grid(np.ones((18, side, side, 1)) / 2, names * 2, columns=9, title="Title")
    grey = picture(figure).reshape(-1, 9 * (side + 1) + 1) < 0.9  # an image, not the paper between
    tops = np.flatnonzero(np.diff(grey[:, side // 2].astype(int), prepend=0) == 1)
    places = [(1 + x * (side + 1), top, side, side) for top in tops for x in range(9)]
    found, rectangles = boxes(figure, places)
    assert len(rectangles) == 18
    assert all("\n" in text for text in found if text != "Title") and "Title" in found
    every = list(found.values())
    for i, box in enumerate(every):
        assert not any(Bbox.intersection(box, other) for other in every[:i])
        overlap = [Bbox.intersection(box, image) for image in rectangles]
        assert all(o is None or min(o.width, o.height) < 1 for o in overlap)


def test_image_grid_accepts_numpy_labels_and_colour():
    colour = np.zeros((2, 4, 4, 3), np.float32)
    colour[..., 0] = 1
    shown = pixels_of(plots.image_grid(colour, labels=np.array([3, 4])))
    assert (shown == [255, 0, 0]).all(axis=-1).mean() > 0.3


def test_reconstructions_stand_under_their_images():
    figure = plots.reconstructions(grey(0.1, 0.2, 0.3), grey(0.6, 0.7, 0.8), columns=2)
    shown = picture(figure)[3::5, 3::5].squeeze()  # one pixel inside each 4 × 4 image
    np.testing.assert_allclose(shown, [[0.1, 0.2], [0.6, 0.7], [0.3, 1], [0.8, 1]])
    with pytest.raises(ValueError, match="must have the shape of `images`"):
        plots.reconstructions(grey(0, 0), grey(0))


def test_nearest_neighbours_stand_under_their_sample():
    near = np.stack([grey(0.3, 0.4), grey(0.5, 0.6)])  # two for each of two samples
    figure = plots.nearest_neighbours(grey(0.1, 0.2), near, np.array([[1.5, 2.5], [3.5, 4.5]]))
    shown = picture(figure)
    values = [v for v in np.unique(shown[:, 3]) if v < 1]
    np.testing.assert_allclose(values, [0.1, 0.3, 0.4])
    order = [text for text in texts(figure) if "." in text and text[0].isdigit()]
    assert order == ["1.5", "3.5", "2.5", "4.5", "2. nearest"]


def test_nearest_neighbours_refuses_arrays_that_do_not_belong_together():
    near = np.zeros((2, 3, 4, 4, 1), np.float32)
    with pytest.raises(ValueError, match="`neighbours` must have shape"):
        plots.nearest_neighbours(grey(0), near, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"received \(3, 2\) for neighbours"):
        plots.nearest_neighbours(grey(0, 0), near, np.zeros((3, 2)))


def test_comparison_names_its_rows():
    figure = plots.comparison({"real": grey(0.1, 0.2), "gan": grey(0.3, 0.4)}, titles=["A", "B"])
    np.testing.assert_allclose(picture(figure)[3::5, 3::5].squeeze(), [[0.1, 0.2], [0.3, 0.4]])
    assert {"real", "gan", "A", "B"} <= set(texts(figure))
    with pytest.raises(ValueError, match=r"one shape; received .*'gan': \(1, 4, 4, 1\)"):
        plots.comparison({"real": grey(0, 0), "gan": grey(0)})
    with pytest.raises(ValueError, match="received 1 titles for 2 columns"):
        plots.comparison({"real": grey(0, 0)}, titles=["A"])


# Latent space ------------------------------------------------------------------------------


def test_latent_plane_runs_through_normal_quantiles():
    seen = []

    def spy(z):
        seen.append(z)
        return decode(z)

    plots.latent_plane(spy, latent_dim=4, dims=(1, 3), size=3, coverage=0.9, base=[9, 0, 7, 0])
    (z,) = seen
    # The normal quantile of 0.95, from a printed table, is 1.6449.
    np.testing.assert_allclose(np.unique(z[:, 1]), [-1.6449, 0, 1.6449], atol=1e-4)
    np.testing.assert_allclose(z[:3, 1], [-1.6449, 0, 1.6449], atol=1e-4)  # rightward
    np.testing.assert_allclose(z[::3, 3], [1.6449, 0, -1.6449], atol=1e-4)  # from the top down
    assert (z[:, 0] == 9).all() and (z[:, 2] == 7).all()


def test_traversals_move_one_coordinate_at_a_time():
    figure = plots.traversals(decode, np.array([0.0, 3.0]), dims=[0, 1], values=[-3, 0, 3])
    shown = picture(figure)
    left, right = shown[3::5, 2::5].squeeze(), shown[3::5, 3::5].squeeze()
    np.testing.assert_allclose(left, [[0, 0.5, 1], [0.5, 0.5, 0.5]])
    np.testing.assert_allclose(right, [[1, 1, 1], [0, 0.5, 1]])


def test_interpolation_goes_round_or_straight():
    z0, z1 = np.array([3.0, 0.0]), np.array([0.0, 3.0])
    arc = picture(plots.interpolation(decode, z0, z1, steps=3))
    line = picture(plots.interpolation(decode, z0, z1, steps=3, spherical=False))
    middle = 0.5 + np.sqrt(0.5) / 2  # the middle of the arc is 3 / sqrt 2 in both coordinates
    np.testing.assert_allclose(arc[3, 2::5].squeeze(), [1, middle, 0.5], atol=1e-6)
    np.testing.assert_allclose(line[3, 2::5].squeeze(), [1, 0.75, 0.5], atol=1e-6)


def test_latent_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"`dims` must name coordinates from 0 to 1"):
        plots.latent_plane(decode, dims=(0, 2))
    with pytest.raises(ValueError, match="two different coordinates"):
        plots.latent_plane(decode, dims=(1, 1))
    with pytest.raises(ValueError, match=r"`base` must have shape \(2,\)"):
        plots.latent_plane(decode, base=np.zeros(3))
    with pytest.raises(ValueError, match="received 1 images for 9 codes"):
        plots.latent_plane(lambda z: decode(z[:1]), size=3)
    with pytest.raises(ValueError, match=r"`decode\(z\)` must lie in \[0, 1\]"):
        plots.latent_plane(lambda z: decode(z) * 2, size=3)
    with pytest.raises(ValueError, match="received steps=1"):
        plots.interpolation(decode, np.ones(2), np.zeros(2), steps=1)
    with pytest.raises(ValueError, match=r"`codes` must have shape \(n, latent_dim >= 2\)"):
        plots.latent_scatter(np.zeros((5, 1)))
    with pytest.raises(ValueError, match="received 2 names and label 2"):
        plots.latent_scatter(np.zeros((3, 2)), labels=[0, 1, 2], names=["a", "b"])


def test_latent_scatter_tells_ten_classes_apart_without_colour():
    labels = np.arange(10)
    figure = plots.latent_scatter(np.random.default_rng(0).normal(size=(10, 2)), labels)
    shapes = {str(dots.get_paths()[0].vertices.round(3)) for dots in figure.axes[0].collections}
    assert len(shapes) == 10
    circle = figure.axes[0].lines[0].get_xydata()
    inside = np.random.default_rng(1).normal(size=(100_000, 2))
    share = (np.hypot(*inside.T) < np.hypot(*circle[0])).mean()
    assert share == pytest.approx(0.95, abs=0.003)


# Numbers -----------------------------------------------------------------------------------


def test_training_curves_pair_a_loss_with_its_validation_twin():
    history = {"val_loss": [3, 2], "loss": [2, 1], "frechet": [np.nan, 5.0], "lr": [1, 1]}
    figure = plots.training_curves(history)
    drawn = [[line.get_label() for line in axes.lines] for axes in figure.axes]
    assert drawn == [["loss", "val_loss"], ["frechet"], ["lr"]]
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_xydata(), [[2, 5]])
    assert figure.axes[-1].get_xlabel() == "epoch"
    styles = [line.get_linestyle() for line in figure.axes[0].lines]
    assert len(set(styles)) == 2


def test_training_curves_errors():
    with pytest.raises(ValueError, match=r"one length, .* received lengths \{'a': 2, 'b': 1\}"):
        plots.training_curves({"a": [1, 2], "b": [1]})
    with pytest.raises(ValueError, match=r"received lengths \{\}"):
        plots.training_curves({})
    with pytest.raises(ValueError, match=r"`panels` must name .* received \['c'\]"):
        plots.training_curves({"a": [1]}, panels=[["a", "c"]])
    with pytest.raises(ValueError, match=r"`x` must have shape \(2,\)"):
        plots.training_curves({"a": [1, 2]}, x=[1, 2, 3])


def test_intervals_show_value_and_ends():
    figure = plots.intervals({"gan": (10, 9, 12), "vae": (20, 18, 25)}, {"real": 5, "noise": 2093})
    ends = [line.get_xdata() for line in figure.axes[0].lines]
    assert [9, 12] in [list(x) for x in ends] and [18, 25] in [list(x) for x in ends]
    assert {"10", "20", "real 5", "noise 2,093", "gan", "vae"} <= set(texts(figure))
    with pytest.raises(ValueError, match=r"low <= value <= high; received \(1, 2, 3\)"):
        plots.intervals({"gan": (1, 2, 3)})
    with pytest.raises(ValueError, match="`log=True` needs numbers above 0"):
        plots.intervals({"gan": (1, 0, 3)})
    assert plots.intervals({"gan": (1, 0, 3)}, log=False).axes[0].get_xscale() == "linear"


@pytest.mark.parametrize("ends", [(5.7, 6.3), (4.3, 8.4), (0.8, 31), (0.6, 2093)])
def test_a_logarithmic_axis_has_numbers_however_short_it_is(ends):
    axes = plots.intervals({"gan": (6, *ends)}).axes[0]
    low, high = axes.get_xlim()
    shown = [x for x in axes.get_xticks() if low <= x <= high]
    assert 2 <= len(shown) <= 10
    axes.figure.draw_without_rendering()  # labels exist only once they are drawn
    ticks = [t for t in axes.xaxis.get_major_ticks() if low <= t.get_loc() <= high]
    assert [float(t.label1.get_text()) for t in ticks] == pytest.approx(shown)


def test_guesses_stand_beside_the_truth():
    figure = plots.guesses({"a": 1, "b": 40}, {"a": 2, "b": 30}, "nats")
    *_, guessed, true = figure.axes[0].lines
    assert list(guessed.get_xdata()) == [1, 40] and list(true.get_xdata()) == [2, 30]
    assert {"a", "b", "2", "30", "nats"} <= set(texts(figure))
    with pytest.raises(ValueError, match=r"names of `guess`, \['a'\]; received \['b'\]"):
        plots.guesses({"a": 1}, {"b": 2}, "nats")
    with pytest.raises(ValueError, match="`log=True` needs numbers above 0; received"):
        plots.guesses({"a": 0}, {"a": 2}, "nats", log=True)


# All of them -------------------------------------------------------------------------------


def test_drawing_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    figure = plots.training_curves({"loss": [2.0, 1.0]})
    plots.png(figure)
    assert dict(matplotlib.rcParams) == before
    from matplotlib import pyplot

    assert pyplot.get_fignums() == []


def test_notebooks_get_a_png():
    data = plots.image_grid(grey(0.5))._repr_png_()
    assert data.startswith(b"\x89PNG")


# Animation ---------------------------------------------------------------------------------


def test_training_gif_holds_every_frame_and_rests_on_the_last(tmp_path):
    path = tmp_path / "training.gif"
    plots.training_gif(path, [grey(0, 0), grey(0.5, 0), grey(1, 0)], columns=2, seconds=0.1)
    with Image.open(path) as image:
        assert (image.n_frames, image.size) == (3, (2 * (1 + 2 * 5), 2 * 6))
        seen = []
        for frame in range(3):
            image.seek(frame)
            value = np.asarray(image.convert("L"))[6, 6]
            seen.append((int(value), image.info["duration"]))
    assert seen == [(0, 100), (128, 100), (255, 1000)]
    assert [p.name for p in tmp_path.iterdir()] == ["training.gif"]


def test_training_gif_in_colour_keeps_the_colour(tmp_path):
    frames = [np.zeros((1, 4, 4, 3), np.float32) for _ in range(2)]
    frames[0][..., 0], frames[1][..., 2] = 1, 1
    plots.training_gif(tmp_path / "c.gif", frames, scale=1)
    with Image.open(tmp_path / "c.gif") as image:
        image.seek(1)
        assert image.convert("RGB").getpixel((2, 2)) == (0, 0, 255)


def test_training_gif_leaves_the_old_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "training.gif"
    path.write_bytes(b"old")

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        plots.training_gif(path, [grey(0)])
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_training_gif_errors(tmp_path):
    with pytest.raises(ValueError, match="received 0 frames"):
        plots.training_gif(tmp_path / "a.gif", [])
    with pytest.raises(ValueError, match="all of one shape"):
        plots.training_gif(tmp_path / "a.gif", [grey(0), grey(0, 0)])
    with pytest.raises(ValueError, match="`scale` must be a positive integer; received 0"):
        plots.training_gif(tmp_path / "a.gif", [grey(0)], scale=0)


# diagram -----------------------------------------------------------------------------------

BOXES = {"noise": (0, 0, "random"), "generator": (1, 0, "network"), "loss": (2, 0, "loss")}


def test_a_diagram_draws_each_box_at_its_place_and_each_arrow_between_its_boxes():
    figure = plots.diagram(BOXES, [("noise", "generator"), ("loss", "generator", "~gradient", 0.3)])
    (axes,) = figure.axes
    places = {text.get_text(): text.get_position() for text in axes.texts if text.get_text()}
    assert [places[text] for text in BOXES] == [(0, 0), (1, 0), (2, 0)]
    assert "gradient" in places
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert [(arrow.xyann, arrow.xy) for arrow in arrows] == [((0, 0), (1, 0)), ((2, 0), (1, 0))]
    assert [arrow.arrow_patch.get_linestyle() for arrow in arrows] == ["-", "--"]


def test_the_label_of_an_arrow_stands_in_the_gap_between_the_boxes():
    boxes = {"a": (0, 0, "data"), "a box with a long text in it": (3, 0, "network")}
    figure = plots.diagram(boxes, [(*boxes, "x")])
    figure.draw_without_rendering()
    extent = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    first, second = (extent[name] for name in boxes)
    assert first.x1 < extent["x"].x0 and extent["x"].x1 < second.x0


@pytest.mark.parametrize(
    ("boxes", "arrows", "message"),
    [
        ({}, [], "`boxes` must hold at least one box; received none"),
        ({"a": (0, 0, "net")}, [], "`boxes` must be of kind data, network, .*; received 'net'"),
        (BOXES, [("noise", "loss!")], "`arrows` must join boxes; received 'loss!'"),
    ],
)
def test_a_diagram_refuses_what_it_cannot_draw(boxes, arrows, message):
    with pytest.raises(ValueError, match=message):
        plots.diagram(boxes, arrows)
