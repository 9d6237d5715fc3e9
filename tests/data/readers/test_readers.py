"""Readers: what files hold, in every format, and files that cannot be read."""

import os

import numpy as np
import pytest
import tifffile
from PIL import Image

from inrr_jax.data.arrays import read
from inrr_jax.data.readers import READERS, WITH_NAMES, open_file
from inrr_jax.data.readers.files import require
from inrr_jax.errors import UserError

TEXT, VIDEO = (".csv", ".tsv", ".txt", ".dat"), (".mp4", ".avi", ".mov", ".mkv")
ARRAY = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)


def values(path, **options):
    array = options.pop("array", "")
    return read(open_file(path, array), **options).values


def test_npy(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(ARRAY))
    np.testing.assert_array_equal(values(tmp_path / "a.npy"), ARRAY[..., None])
    np.testing.assert_array_equal(values(str(tmp_path / "a.npy"), crop="1:3,:,2"), ARRAY[1:3, :, 2, None])


def test_npz(tmp_path):
    np.savez_compressed(tmp_path / "one.npz", ARRAY)
    np.savez(tmp_path / "two.npz", first=ARRAY, second=2 * ARRAY)
    np.savez(tmp_path / "none.npz")
    np.testing.assert_array_equal(values(tmp_path / "one.npz", crop=":,1"), ARRAY[:, 1, :, None])
    np.testing.assert_array_equal(values(tmp_path / "two.npz", array="second"), 2 * ARRAY[..., None])
    with pytest.raises(UserError, match="holds several arrays: give data.array, one of first, second"):
        open_file(tmp_path / "two.npz")
    with pytest.raises(UserError, match=r"array secnd of .*two.npz' is unknown: did you mean second\?"):
        open_file(tmp_path / "two.npz", "secnd")
    with pytest.raises(UserError, match="holds no array"):
        open_file(tmp_path / "none.npz")


def test_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", ARRAY, photometric="minisblack")
    np.testing.assert_array_equal(values(tmp_path / "stack.tif", crop="1:3"), ARRAY[1:3, ..., None])
    colour = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    tifffile.imwrite(tmp_path / "colour.tiff", colour, photometric="rgb")
    np.testing.assert_array_equal(values(tmp_path / "colour.tiff"), colour)
    assert read(open_file(tmp_path / "colour.tiff")).spacing is None


def test_tiff_with_the_spacing_of_imagej(tmp_path):
    metadata = {"axes": "ZYX", "spacing": 3.0, "unit": "um"}
    tifffile.imwrite(tmp_path / "s.tif", ARRAY, imagej=True, resolution=(2.0, 4.0), metadata=metadata)
    signal = read(open_file(tmp_path / "s.tif"), crop=":,::2")
    assert signal.spacing == pytest.approx((3.0, 0.5, 0.5))
    assert signal.length == "um"


def test_gif(tmp_path):
    frames = [np.full((4, 6), 40 * i, np.uint8) for i in range(3)]
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:])
    expected = np.repeat(np.stack(frames)[..., None], 3, -1)
    np.testing.assert_array_equal(values(tmp_path / "a.gif"), expected)
    np.testing.assert_array_equal(values(tmp_path / "a.gif", crop="1:,:2,::3"), expected[1:, :2, ::3])


def test_video(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    writer = ffmpeg.write_frames(str(tmp_path / "a.mp4"), (32, 16), fps=10, macro_block_size=1)
    writer.send(None)
    for i in range(8):
        writer.send(np.full((16, 32, 3), 30 * i, np.uint8))
    writer.close()
    source = open_file(tmp_path / "a.mp4")
    assert source.shape == (8, 16, 32, 3)
    assert not source.whole
    part = values(tmp_path / "a.mp4", crop="2:7:2,:8,4:6")
    assert part.shape == (3, 8, 2, 3)
    np.testing.assert_allclose(part[:, 0, 0, 0], [60, 120, 180], atol=4)
    # A video may hold fewer frames than its header declares.
    assert source.part((slice(6, 99, 1), slice(0, 1, 1))).shape == (2, 1, 32, 3)
    with pytest.raises(UserError, match="has no frame from 99 on: give an earlier start in data.crop"):
        source.part((slice(99, 100, 1),))


def test_nifti(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(ARRAY[..., None].repeat(2, -1), np.diag([2.0, 3.0, 4.0, 1.0]))
    image.header.set_xyzt_units("mm", "sec")
    for name in ("a.nii", "a.nii.gz"):
        nibabel.save(image, tmp_path / name)
        signal = read(open_file(tmp_path / name), crop=":,1:3,::2,1")
        np.testing.assert_array_equal(signal.values, ARRAY[:, 1:3, ::2, None])
        assert (signal.spacing, signal.length) == ((2.0, 3.0, 8.0), "mm")
    assert open_file(tmp_path / "a.nii").spacing == (2.0, 3.0, 4.0, 2.0)


def test_nifti_with_scaled_integers(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    image.header.set_slope_inter(0.5, 10)
    nibabel.save(image, tmp_path / "a.nii")
    source = open_file(tmp_path / "a.nii")
    assert source.dtype == np.float64
    np.testing.assert_allclose(read(source).values.ravel(), 10 + 0.5 * np.arange(24))


def write_netcdf(path, latitudes):
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(path, "w") as file:
        for name, values, units in (
            ("time", np.arange(4.0), "days since 2000-01-01"),
            ("latitude", latitudes, "degrees_north"),
            ("longitude", 0.5 * np.arange(6), "degrees_east"),
        ):
            file.createDimension(name, len(values))
            file.createVariable(name, "f8", (name,))[:] = values
            file[name].units = units
        file.createDimension("nv", 2)
        file.createVariable("latitude_bnds", "f8", ("time", "latitude", "nv"))
        file.createVariable("speed", "i2", ("time", "latitude", "longitude"), fill_value=-99)
        file["speed"].units = "m s-1"
        file["speed"][:] = np.ma.masked_less(np.arange(4 * 5 * 6).reshape(4, 5, 6), 2)


def test_netcdf(tmp_path):
    write_netcdf(tmp_path / "a.nc", 60 + np.arange(-2.0, 3))
    expected = np.arange(4 * 5 * 6.0).reshape(4, 5, 6, 1)
    expected[0, 0, :2] = np.nan
    signal = read(open_file(tmp_path / "a.nc"), crop=":,:,::2")
    np.testing.assert_array_equal(signal.values, expected[:, :, ::2])
    # A degree of latitude has 111.2 km; one of longitude has half of that at 60 degrees north.
    assert signal.spacing == pytest.approx((111.195, 111.195, 55.597), rel=1e-4)
    assert (signal.length, signal.unit) == ("km", "m s-1")
    assert read(open_file(tmp_path / "a.nc", "time")).values.shape == (4, 1)
    write_netcdf(tmp_path / "uneven.nc", np.array([0.0, 1, 2, 3, 5]))
    assert open_file(tmp_path / "uneven.nc").spacing is None


def test_variables_of_netcdf_are_found_by_name(tmp_path):
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "two.nc", "w") as file:
        file.createDimension("x", 4)
        for name in ("u", "wind"):
            file.createVariable(name, "f4", ("x",))[:] = np.arange(4)
    assert read(open_file(tmp_path / "two.nc", "u")).spacing is None
    with pytest.raises(UserError, match="holds several variables: give data.array, one of u, wind"):
        open_file(tmp_path / "two.nc")
    with pytest.raises(UserError, match=r"variable wnd of .*two.nc' is unknown: did you mean wind\?"):
        open_file(tmp_path / "two.nc", "wnd")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2 3\n4 5 6\n", [[1, 2, 3], [4, 5, 6]]),
        ("# from a sensor\n\n1,2.5\n-3e2,nan\n", [[1, 2.5], [-300, np.nan]]),
        ("x;y\n1;\n;4\n", [[1, np.nan], [np.nan, 4]]),
        ("\ufeffa\tb\n1\tNA\n2\t3\n", [[1, np.nan], [2, 3]]),
        ("1\n2\n3\n", [1, 2, 3]),
    ],
)
def test_text(tmp_path, text, expected):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(values(tmp_path / "a.csv")[..., 0], expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no row of numbers"),
        ("a,b\n", "has no row of numbers"),
        ("1,2\n3,x\n", "is no table of numbers .*could not convert string 'x'"),
        ("1,2\n3\n", "is no table of numbers .*number of columns changed from 2 to 1"),
        ("1,2\n\x00", "is no table of numbers"),
    ],
)
def test_text_that_is_no_table_is_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        open_file(tmp_path / "a.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
def test_objects_and_fields_are_never_loaded(tmp_path):
    objects, fields = np.array([{}, None]), np.zeros(3, [("λ", float)])
    for name, save in (("a.npy", np.save), ("a.npz", np.savez)):
        save(tmp_path / name, objects)
        with pytest.raises(UserError, match="holds Python objects, which are never loaded"):
            open_file(tmp_path / name)
        save(tmp_path / name, fields)
        with pytest.raises(UserError, match="an array with fields: save one field"):
            open_file(tmp_path / name)


def test_a_huge_declared_shape_is_refused_before_it_is_allocated(tmp_path):
    with open(tmp_path / "b.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (10**7, 10**7)})
        file.write(bytes(100))
    with pytest.raises(UserError, match="cannot read .*b.npy"):
        values(tmp_path / "b.npy")


@pytest.mark.parametrize("suffix", [suffix for suffix in [*READERS, *WITH_NAMES] if suffix not in TEXT])
@pytest.mark.parametrize("content", [b"", b"no such format" * 40])
def test_damaged_files_are_refused(tmp_path, suffix, content):
    packages = {".nii": "nibabel", ".nii.gz": "nibabel", ".nc": "netCDF4", **dict.fromkeys(VIDEO, "imageio_ffmpeg")}
    pytest.importorskip(packages.get(suffix, "numpy"))
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises(UserError, match="cannot read .*: give a whole, undamaged file") as caught:
        values(tmp_path / f"a{suffix}")
    assert "\n" not in str(caught.value)


def test_a_table_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UserError, match=r"a\.csv' is no text: give a table of numbers in UTF-8, one row a line"):
        values(tmp_path / "a.csv")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".tif", ".nii", ".nii.gz"])
def test_truncated_files_are_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    array = np.random.default_rng(0).normal(size=(20, 20, 20))
    if suffix.startswith(".nii"):
        nibabel = pytest.importorskip("nibabel")
        nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)
    elif suffix == ".tif":
        tifffile.imwrite(path, array, photometric="minisblack")
    else:
        (np.save if suffix == ".npy" else np.savez)(path, array)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(UserError, match="cannot read .*: give a whole, undamaged file"):
        values(path)


def test_paths_that_are_no_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "a.xyz").write_text("")
    np.save(tmp_path / "a.npy", ARRAY)
    for path, array, message in (
        ("none.npy", "", "no file .*none.npy': check the path"),
        ("folder.npy", "", "is a directory"),
        ("pipe.npy", "", "is a pipe or a device"),
        ("a.xyz", "", r"suffix .xyz of .*a.xyz' is unknown: accepted are .avi, .csv"),
        ("a.npy", "b", "data.array=b: .*a.npy' holds one array; .npz and .nc files hold arrays by name"),
        ("a.npy/b.npy", "", "cannot open .*a.npy/b.npy'"),
        ("a\0.npy", "", "cannot open .*null"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            open_file(tmp_path / path, array)
        assert "\n" not in str(caught.value)


def test_a_file_without_permission_is_refused(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", ARRAY)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="no permission to read"):
        open_file(tmp_path / "a.npy")


def test_a_package_that_is_missing_is_named():
    with pytest.raises(UserError, match="a NIfTI file needs the package no-such: pip install no-such"):
        require("no-such", "no_such_package", "a NIfTI file")
    assert (require("numpy", "numpy", "an array") / "__init__.py").exists()
