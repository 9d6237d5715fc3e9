"""Pictures: reading, checking, resizing and saving."""

import builtins
import io
import os
import struct
import zlib

import numpy as np
import pytest
from absl import logging as absl_logging
from PIL import Image

from inrr_jax.data import images
from inrr_jax.data import pixels as pixel_reader
from inrr_jax.errors import UserError


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


@pytest.fixture
def notices(monkeypatch):
    texts = []
    monkeypatch.setattr(absl_logging, "warning", lambda text, *args: texts.append(text % args))
    return texts


def one_line(error):
    return "\n" not in str(error.value)


def write(path, array):
    Image.fromarray(array).save(path)
    return str(path)


@pytest.mark.parametrize("name", images.BUNDLED)
def test_bundled_pictures_load(name):
    image = images.load(name)
    assert image.dtype == np.float32
    assert image.ndim == 3
    assert image.shape[-1] in (1, 3)
    assert image.min() >= 0
    assert 0.5 < image.max() <= 1


def test_baboon_is_the_known_picture():
    image = images.load("baboon")
    assert image.shape == (512, 512, 3)
    np.testing.assert_allclose(image[0, 0] * 255, [164, 150, 71], atol=1e-4)


def test_8_bit_rgb_is_exact(tmp_path, pixels):
    image = images.load(write(tmp_path / "a.png", pixels))
    np.testing.assert_array_equal(image, pixels.astype(np.float32) / 255)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_keeps_all_bits(tmp_path, suffix):
    pixels = np.array([[0, 1, 255], [256, 40000, 65535]], np.uint16)
    image = images.load(write(tmp_path / f"a.{suffix}", pixels))
    np.testing.assert_array_equal(image[..., 0], pixels.astype(np.float32) / 65535)


def test_16_bit_colour_without_opencv_is_reduced_with_a_notice(tmp_path, notices, monkeypatch):
    monkeypatch.setattr(pixel_reader.importlib.util, "find_spec", lambda name: None)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0))
    row = b"\0" + struct.pack(">HHH", 65535, 30000, 0)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b""))
    np.testing.assert_allclose(images.load(str(path))[0, 0], [1, 30000 / 65535, 0], atol=1 / 255)
    assert "16-bit colour is reduced" in notices[0]


def test_grey_file(tmp_path, pixels):
    image = images.load(write(tmp_path / "a.png", pixels[..., 0]))
    np.testing.assert_array_equal(image, pixels[..., :1].astype(np.float32) / 255)


@pytest.mark.parametrize(("mode", "channels"), [("RGBA", 3), ("LA", 1)])
def test_alpha_is_dropped_with_a_notice(tmp_path, pixels, notices, mode, channels):
    source = Image.fromarray(pixels).convert(mode[:-1])
    image = source.copy()
    image.putalpha(100)
    image.save(tmp_path / "a.png")
    loaded = images.load(str(tmp_path / "a.png"))
    assert loaded.shape == (5, 7, channels)
    np.testing.assert_allclose(np.squeeze(loaded * 255), np.asarray(source), atol=1e-4)
    assert "alpha channel is dropped" in notices[0]


def test_no_alpha_no_notice(tmp_path, pixels, notices):
    images.load(write(tmp_path / "a.png", pixels))
    assert notices == []


def test_palette_becomes_its_colours(tmp_path):
    indices = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8)).convert("P")
    indices.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    indices.save(tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").mode == "P"
    np.testing.assert_array_equal(images.load(str(tmp_path / "a.png")), np.eye(3)[[[0, 1], [2, 0]]])


def test_1_bit_is_black_and_white(tmp_path):
    bits = np.array([[True, False, True]])
    image = images.load(write(tmp_path / "a.png", bits))
    assert Image.open(tmp_path / "a.png").mode == "1"
    np.testing.assert_array_equal(image[..., 0], bits)


def test_cmyk_is_converted(tmp_path):
    Image.new("CMYK", (2, 3), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(images.load(str(tmp_path / "a.tif")), np.broadcast_to([1, 0, 0], (3, 2, 3)))


def test_float_tiff_is_taken_as_it_is(tmp_path):
    values = np.array([[0.0, 0.25, 1.0]], np.float32)
    np.testing.assert_array_equal(images.load(write(tmp_path / "a.tif", values))[..., 0], values)


def test_exif_orientation_is_respected(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # The stored picture must be rotated clockwise to be upright.
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    image = images.load(str(tmp_path / "a.png"))
    np.testing.assert_allclose(image * 255, np.rot90(pixels, -1), atol=1e-4)


def test_npy(tmp_path):
    values = np.random.default_rng(0).random((4, 6))
    np.save(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(images.load(str(tmp_path / "a.npy"))[..., 0], values.astype(np.float32))


def test_bundled_name_wins_over_a_file(tmp_path, pixels, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(pixels).save("cat", format="PNG")
    assert images.load("cat").shape == (300, 451, 3)
    assert images.load("./cat").shape == (5, 7, 3)


def test_grey_is_luma():
    image = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]], np.float32)
    grey = images.to_grey(image)
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey[0, :, 0], [0.299, 0.587, 0.114, 1], rtol=1e-6)
    assert grey.max() <= 1
    assert images.load("cat", grey=True).shape == (300, 451, 1)
    assert images.load("camera", grey=True).shape == (512, 512, 1)


@pytest.mark.parametrize("size", [(20, 31), (700, 600), (63, 47), (1, 1)])
def test_resize_stays_in_range(size):
    checks = np.indices((64, 48)).sum(0) // 5 % 2
    image = images.resize(checks[..., None].astype(np.float32), size)
    assert image.shape == (*size, 1)
    assert image.min() >= 0
    assert image.max() <= 1


def test_resize_is_antialiased():
    stripes = np.tile(np.array([0, 1], np.float32), (64, 32))[..., None]
    np.testing.assert_allclose(images.resize(stripes, (16, 16))[:, 2:-2], 0.5, atol=0.05)
    # Subsampling every fourth pixel would give only one of the two colours.
    assert stripes[::4, ::4].std() == 0


def test_resize_keeps_a_constant_and_the_channels():
    image = np.broadcast_to(np.array([0.1, 0.5, 1.0], np.float32), (9, 11, 3))
    np.testing.assert_allclose(images.resize(image, (4, 5)), np.broadcast_to(image[0, 0], (4, 5, 3)), rtol=1e-6)


def test_load_resizes_only_when_asked(tmp_path, pixels):
    path = write(tmp_path / "a.png", pixels)
    assert images.load(path).shape == (5, 7, 3)
    assert images.load(path, size=4).shape == (4, 4, 3)
    assert images.load(path, size=(3, 8)).shape == (3, 8, 3)


@pytest.mark.parametrize("size", [0, -3, (4, 0), (4,), (4, 4, 3)])
def test_wrong_sizes_are_refused(size):
    with pytest.raises(UserError, match=r"size .*positive integer"):
        images.load("camera", size=size)


def test_unknown_name_lists_and_suggests():
    with pytest.raises(UserError, match=r"babon is no file.*did you mean baboon\?.*astronaut, baboon") as error:
        images.load("babon")
    assert one_line(error)
    unknown = "picture x/y.png is no file, and as a bundled name it is unknown: accepted are"
    with pytest.raises(UserError, match=unknown) as error:
        images.load("x/y.png")
    assert "did you mean" not in str(error.value)


def test_unreadable_files_are_refused(tmp_path, pixels):
    with pytest.raises(UserError, match="is a directory"):
        images.load(str(tmp_path))
    with pytest.raises(UserError, match="no file 'nowhere.png': check"):
        images.read_pixels("nowhere.png")
    (tmp_path / "a.png").write_text("no picture at all")
    with pytest.raises(UserError, match="a.png' is no picture"):
        images.load(str(tmp_path / "a.png"))
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(UserError, match="empty.jpg' is no picture"):
        images.load(str(tmp_path / "empty.jpg"))


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_truncated_files_are_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    write(path, noise)
    whole = path.read_bytes()
    assert images.load(str(path)).shape == (64, 64, 3)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cannot read .*undamaged|is no picture") as error:
        images.load(str(path))
    assert one_line(error)


def test_missing_permission_is_reported(tmp_path, pixels, monkeypatch):
    path = write(tmp_path / "a.png", pixels)

    def refuse(*args, **kwargs):
        raise PermissionError

    monkeypatch.setattr(builtins, "open", refuse)  # Changing the file's mode would not stop root.
    with pytest.raises(UserError, match="no permission to read"):
        images.load(path)


def test_32_bit_integers_are_refused(tmp_path):
    path = write(tmp_path / "a.tif", np.array([[1, 2]], np.int32))
    with pytest.raises(UserError, match="32-bit integer pixels"):
        images.load(path)


def npy(path, header):
    """Write an array's file with any header and little after it."""
    text = header.encode().ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(100))


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000, 1000)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 5)}",
        "{'descr': '<q9', 'fortran_order': False, 'shape': (3, 5)}",
        "{'descr': '<f4', 'fortran",
        "import os",
    ],
)
def test_headers_that_declare_no_array_are_refused(tmp_path, header):
    npy(tmp_path / "a.npy", header)
    with pytest.raises(UserError, match=r"cannot read .*a\.npy.*: give a whole, undamaged file") as error:
        images.read_pixels(tmp_path / "a.npy")
    assert one_line(error)


@pytest.mark.parametrize("name", ["pipe.png", "pipe.npy"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}' is a pipe or a device: give the path of a file"):
        images.read_pixels(tmp_path / name)


def test_a_size_beyond_the_memory_is_refused_with_the_figure():
    with pytest.raises(UserError, match=r"a picture of 10000000 x 10000000 x 1 values needs about 800000\.0 GB and"):
        images.load("camera", size=10_000_000)


def test_damaged_npy_is_refused(tmp_path):
    (tmp_path / "a.npy").write_text("text")
    np.save(tmp_path / "b.npy", np.array([{}]), allow_pickle=True)
    whole = io.BytesIO()
    np.save(whole, np.zeros((9, 9)))
    (tmp_path / "c.npy").write_bytes(whole.getvalue()[:-8])
    for name in "abc":
        with pytest.raises(UserError, match=f"cannot read .*{name}.npy"):
            images.load(str(tmp_path / f"{name}.npy"))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3), r"shape \(3,\): give \[H, W\]"),
        (np.zeros((2, 2, 2, 3)), r"shape \(2, 2, 2, 3\)"),
        (np.zeros((3, 8, 8)), r"shape \(3, 8, 8\).*channels last"),
        (np.zeros((8, 8, 2)), "C in 1, 3, 4"),
        (np.zeros((0, 4)), "empty picture"),
        (np.array([[0.5, np.nan]]), "NaN"),
        (np.array([[0.5, 255.0]]), r"from 0.5 to 255.*rescale.*x / 255"),
        (np.array([[-0.5, 1.0]]), r"from -0.5 to 1"),
        (np.array([[np.inf, 0.0]]), r"to inf"),
        (np.array([[1, 2]], np.int64), "type int64"),
        (np.array([["a"]]), "type <U1"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    for call, argument in ((images.validate, array), (images.load, str(tmp_path / "a.npy"))):
        with pytest.raises(UserError, match=message) as error:
            call(argument)
        assert one_line(error)


@pytest.mark.parametrize(("dtype", "one"), [(bool, True), (np.uint8, 255), (">u2", 65535), (np.float64, 1.0)])
def test_validate_scales_by_type(dtype, one):
    image = images.validate(np.array([[0, one]], dtype))
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, [[[0], [1]]])


def test_validate_drops_alpha_with_a_notice(notices):
    array = np.random.default_rng(0).random((3, 4, 4))
    np.testing.assert_array_equal(images.validate(array), array[..., :3].astype(np.float32))
    assert "alpha" in notices[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_save_round_trip(tmp_path, pixels, channels):
    image = images.validate(pixels[..., :channels])
    images.save(tmp_path / "a.png", image)
    assert Image.open(tmp_path / "a.png").mode == {1: "L", 3: "RGB"}[channels]
    np.testing.assert_array_equal(images.load(str(tmp_path / "a.png")), image)


def test_save_clips_and_rounds(tmp_path):
    images.save(tmp_path / "a.png", np.array([-1, 2, 0.505, np.nan], np.float32).reshape(1, 4, 1))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), [[0, 255, 129, 0]])
