"""Reading and writing: what comes back is what the file holds; what is wrong is told in one sentence."""

import errno
import json
import logging
import os
import pickle
import shutil
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import skimage.io
import tifffile

from n2sr_lib import io
from n2sr_lib.errors import InputError

DATA = Path(os.environ["N2SR_DATA"]) if os.environ.get("N2SR_DATA") else None
IMAGE = np.random.default_rng(0).integers(0, 60000, (20, 30)).astype(np.uint16)


def data(name: str) -> Path:
    """A test file, and RosettaSciIO to read it where that is needed."""
    if DATA is None:
        pytest.skip("N2SR_DATA is not set")
    if not name.endswith((".tif", ".npy", ".npz")):
        pytest.importorskip("rsciio")
    return DATA / name


def refused(path, *words, **choice) -> str:
    """`read` refuses in one sentence that contains the words, and leaves the folder as it was."""
    folder = Path(path).parent
    before = sorted(folder.iterdir()) if folder.is_dir() else None
    with pytest.raises(InputError) as caught:
        io.read(path, **choice)
    message = str(caught.value)
    one_sentence(message, *words)
    assert before is None or sorted(folder.iterdir()) == before
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


def one_sentence(message: str, *words: str) -> None:
    assert "\n" not in message and message.endswith(".") and ". " not in message
    assert "; " in message or "pip install" in message, "what to do is missing"
    for word in words:
        assert word in message


def everything(path) -> list[np.ndarray]:
    """The image, or all frames of the stack."""
    try:
        return [io.read(path).image]
    except InputError as error:
        if "holds a stack of" not in str(error):
            raise
        n = int(str(error).split("stack of ")[1].split()[0])
        return [io.read(path, frame=k).image for k in range(n)]


# ---- TIFF, PNG, NPY, NPZ --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f4", "f8"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_keeps_values_and_type(tmp_path, dtype, byteorder):
    image = (IMAGE % 251).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", image, byteorder=byteorder)
    m = io.read(tmp_path / "a.tif")
    assert m.image.dtype == np.dtype(dtype) and m.image.dtype.isnative
    np.testing.assert_array_equal(m.image, image)
    assert (m.pixel_size, m.unit, m.title) == (None, None, "a")


@pytest.mark.parametrize(
    ("unit", "in_nm"),
    [
        ("nm", 1),
        ("pm", 1e-3),
        ("um", 1e3),
        ("\\u00B5m", 1e3),
        ("micron", 1e3),
        ("Angstrom", 0.1),
        ("\\u00C5", 0.1),
    ],
)
def test_imagej_calibration(tmp_path, unit, in_nm):
    tifffile.imwrite(tmp_path / "a.tif", IMAGE, imagej=True, resolution=(8, 8), metadata={"unit": unit})
    m = io.read(tmp_path / "a.tif")
    assert m.pixel_size == pytest.approx(in_nm / 8, rel=1e-12) and m.unit == "nm"


def test_imagej_calibration_that_is_none(tmp_path):
    for k, (resolution, unit) in enumerate([((8, 8), "pixel"), ((8, 8), ""), ((8, 9), "nm")]):
        path = tmp_path / f"{k}.tif"
        tifffile.imwrite(path, IMAGE, imagej=True, resolution=resolution, metadata={"unit": unit})
        m = io.read(path)
        assert (m.pixel_size, m.unit) == (None, None)
    # a reciprocal length is no length: it stays as the file says
    tifffile.imwrite(path, IMAGE, imagej=True, resolution=(8, 8), metadata={"unit": "1/nm"})
    m = io.read(path)
    assert (m.pixel_size, m.unit) == (0.125, "1/nm")


def test_resolution_tags(tmp_path):
    def pixel(resolution, unit):
        tifffile.imwrite(tmp_path / "a.tif", IMAGE, resolution=resolution, resolutionunit=unit, metadata=None)
        m = io.read(tmp_path / "a.tif")
        return m.pixel_size, m.unit

    assert pixel((5e8, 5e8), "CENTIMETER") == (pytest.approx(0.02, rel=1e-9), "nm")
    assert pixel((2.54e8, 2.54e8), "INCH") == (pytest.approx(0.1, rel=1e-9), "nm")
    assert pixel((5000, 5000), "INCH") == (pytest.approx(5080), "nm")
    for printed in (300, 2000):  # a printer's: 10 µm and more
        assert pixel((printed, printed), "INCH") == (None, None)
    assert pixel((5e8, 5e8), "NONE") == (None, None)
    assert pixel((5e8, 4e8), "CENTIMETER") == (None, None)


def test_digitalmicrograph_tags(tmp_path):
    unit, size = (65003, "s", 3, "nm", True), (65009, "d", 1, 0.03, True)
    tags = [unit, (65004, *unit[1:]), size, (65010, *size[1:])]
    tifffile.imwrite(tmp_path / "a.tif", IMAGE, extratags=tags, metadata=None)
    m = io.read(tmp_path / "a.tif")
    assert (m.pixel_size, m.unit) == (0.03, "nm")


@pytest.mark.parametrize("compression", ["zlib", "lzw"])
def test_compressed_tiff(tmp_path, compression):
    pytest.importorskip("imagecodecs")
    tifffile.imwrite(tmp_path / "a.tif", IMAGE, compression=compression)
    np.testing.assert_array_equal(io.read(tmp_path / "a.tif").image, IMAGE)


def test_compressed_tiff_without_the_decoder_says_what_to_install(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", IMAGE)

    def needs_more(self, *args, **kwargs):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", needs_more)
    refused(tmp_path / "a.tif", "pip install imagecodecs")


@pytest.mark.parametrize("writer", ["imagej", "pages"])
def test_tiff_stack(tmp_path, writer):
    stack = np.stack([IMAGE, IMAGE + 1, IMAGE + 2])
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=writer == "imagej", photometric="minisblack")
    refused(tmp_path / "a.tif", "3 frames of 20x30", "frame=K (--frame K)", "0 to 2")
    np.testing.assert_array_equal(io.read(tmp_path / "a.tif", frame=2).image, IMAGE + 2)
    refused(tmp_path / "a.tif", "no frame 3", "0 to 2", frame=3)
    refused(tmp_path / "a.tif", "no frame -1", frame=-1)
    tifffile.imwrite(tmp_path / "b.tif", IMAGE[None])
    np.testing.assert_array_equal(io.read(tmp_path / "b.tif").image, IMAGE)
    refused(tmp_path / "b.tif", "single image", "leave frame", frame=1)
    tifffile.imwrite(tmp_path / "c.tif", np.stack([stack, stack]), imagej=True)
    refused(tmp_path / "c.tif", "4 dimensions (2x3x20x30)")


def test_frames_come_one_after_the_other(tmp_path):
    stack = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    np.save(tmp_path / "s.npy", stack)
    found = list(io.read_frames(tmp_path / "s.npy"))
    assert [f.image.tolist() for f in found] == stack.tolist() and found[0].title == "s"
    assert all(f.image.base is None for f in found)  # none keeps the stack in memory
    np.save(tmp_path / "one.npy", stack[0])
    assert [f.image.shape for f in io.read_frames(tmp_path / "one.npy")] == [(5, 6)]
    with pytest.raises(InputError, match="does not exist"):
        next(io.read_frames(tmp_path / "none.npy"))


def test_hdf5_data_sets_have_names(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["scan/haadf"] = IMAGE
        file["scan/haadf"].attrs.update(scale="0.25", scale_unit="\u00c5")
        file["scan/bright field"] = IMAGE + 1
        file["scan/bright field"].attrs.update(pixel_size=0.1, units="nm")
        file["scan/haadf"].attrs["mode"] = np.bytes_("STEM")
        file["energies"], file["label"] = np.arange(9.0), "no image"
    refused(tmp_path / "a.h5", "several images", "scan/haadf", "scan/bright field")
    m = io.read(tmp_path / "a.h5", signal="scan/haadf")
    np.testing.assert_array_equal(m.image, IMAGE)
    assert (m.pixel_size, m.unit, m.title) == (pytest.approx(0.025), "nm", "scan/haadf")
    assert m.metadata["mode"] == "STEM"
    other = io.read(tmp_path / "a.h5", signal="/scan/bright field")
    np.testing.assert_array_equal(other.image, IMAGE + 1)
    assert (other.pixel_size, other.unit) == (0.1, "nm")
    refused(tmp_path / "a.h5", "no signal 'scan/abf'", "scan/haadf", signal="scan/abf")
    (tmp_path / "b.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:700])
    refused(tmp_path / "b.h5", "cannot be read as H5")


def test_several_images(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(IMAGE)
        tif.write(IMAGE[:9, :9].astype("f4"))
    listed = refused(tmp_path / "a.tif", "signal=K (--signal K)")
    assert "signal 0: 20x30 uint16; signal 1: 9x9 float32" in listed
    assert io.read(tmp_path / "a.tif", signal=1).image.shape == (9, 9)
    refused(tmp_path / "a.tif", "no signal 2", signal=2)

    np.savez(tmp_path / "a.npz", clean=IMAGE, noisy=IMAGE + 1, pixel_size=0.1)
    listed = refused(tmp_path / "a.npz", "signal=K (--signal K)")
    assert "signal 0: clean 20x30 uint16; signal 1: noisy 20x30 uint16" in listed
    m = io.read(tmp_path / "a.npz", signal=1)
    assert m.title == "noisy" and m.image[0, 0] == IMAGE[0, 0] + 1
    refused(tmp_path / "a.npz", "Signal 2", "one line of 1 values", signal=2)

    np.savez(tmp_path / "b.npz", line=IMAGE[0], image=IMAGE, stack=np.stack([IMAGE, IMAGE]))
    np.testing.assert_array_equal(io.read(tmp_path / "b.npz").image, IMAGE)  # the only 2-D image
    np.savez(tmp_path / "c.npz", line=IMAGE[0], other=IMAGE[1])
    refused(tmp_path / "c.npz", "no 2-D image", "line 30 uint16")
    np.savez(tmp_path / "d.npz")
    refused(tmp_path / "d.npz", "no image in it")


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_png(tmp_path, dtype):
    image = (IMAGE % 251 if dtype == "u1" else IMAGE).astype(dtype)
    skimage.io.imsave(tmp_path / "a.png", image, check_contrast=False)
    m = io.read(tmp_path / "a.png")
    assert m.image.dtype == dtype and m.pixel_size is None
    np.testing.assert_array_equal(m.image, image)


@pytest.mark.parametrize("extension", ["png", "tif", "npy"])
def test_colour_is_refused_unless_it_is_grey(tmp_path, extension):
    def saved(*channels):
        path = tmp_path / f"a.{extension}"
        pixels = np.stack(channels, axis=-1)
        if extension == "png":
            skimage.io.imsave(path, pixels, check_contrast=False)
        elif extension == "tif":
            tifffile.imwrite(path, pixels, photometric="rgb")
        else:
            np.save(path, pixels)
        return path

    grey = (IMAGE % 251).astype("u1")
    opaque, other = np.full_like(grey, 255), grey.copy()
    other[3, 4] += 1
    np.testing.assert_array_equal(io.read(saved(grey, grey, grey)).image, grey)
    np.testing.assert_array_equal(io.read(saved(grey, grey, grey, opaque)).image, grey)
    refused(saved(grey, other, grey), "in colour", "one channel")
    refused(saved(grey, grey, other, opaque), "in colour", "one channel")
    refused(saved(grey, grey, grey, other), "in colour", "one channel")


def test_planar_rgb_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([IMAGE, IMAGE + 1, IMAGE]), photometric="rgb")
    refused(tmp_path / "a.tif", "in colour")
    tifffile.imwrite(tmp_path / "b.tif", np.stack([IMAGE, IMAGE, IMAGE]), photometric="rgb")
    np.testing.assert_array_equal(io.read(tmp_path / "b.tif").image, IMAGE)


def test_16_bit_colour_png_is_not_cut_to_8_bits(tmp_path):
    def chunk(name, content):
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    h, w = IMAGE.shape
    rows = np.repeat(IMAGE[:, :, None], 3, axis=2).astype(">u2").reshape(h, -1).view("u1")
    pixels = zlib.compress(np.insert(rows, 0, 0, axis=1).tobytes())
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, 2, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(png)
    refused(tmp_path / "a.png", "16-bit colour PNG", "one 16-bit channel")


def test_npy_in_any_byte_order_is_a_copy_of_its_own(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(IMAGE).astype(">u2"))
    m = io.read(tmp_path / "a.npy")
    np.testing.assert_array_equal(m.image, IMAGE)
    assert m.image.dtype.isnative and m.image.flags.c_contiguous and m.image.flags.owndata


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (IMAGE[0], "one line of 30 values"),
        (IMAGE[:1], "one line of 30 values"),
        (np.array(1.5), "one line of 1 values"),
        (IMAGE.astype("c8"), "complex"),
        (IMAGE > 30000, "type bool"),
        (IMAGE.astype("U5"), "type <U5"),
        (np.empty((0, 5)), "no pixels"),
    ],
)
def test_arrays_that_are_no_image(tmp_path, array, word):
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", word)


# ---- nothing that a file says is executed -----------------------------------------------------------------


class Bomb:
    """Unpickling this makes a folder."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_no_pickle_is_loaded(tmp_path):
    mark = tmp_path / "executed"
    objects = np.array([Bomb(mark), None], dtype=object)
    np.save(tmp_path / "object.npy", objects, allow_pickle=True)
    refused(tmp_path / "object.npy", "pickled Python objects", "never loaded")
    for name in ("bare.npy", "bare.npz"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb(mark)))
        refused(tmp_path / name, "no NumPy file", "pickle is never loaded")
    np.savez(tmp_path / "a.npz", objects=objects)
    refused(tmp_path / "a.npz", "pickled Python objects", "never loaded")
    np.savez(tmp_path / "b.npz", image=IMAGE, objects=objects)  # the image needs no pickle
    np.testing.assert_array_equal(io.read(tmp_path / "b.npz").image, IMAGE)
    assert not mark.exists()
    pickle.loads((tmp_path / "bare.npy").read_bytes())
    assert mark.exists()  # the bomb does work


@pytest.mark.parametrize("extension", ["nc", "rpl", "msa", "prz", "jpg", "xyz", "nxs", ""])
def test_only_image_formats_are_given_to_rosettasciio(tmp_path, extension):
    pytest.importorskip("rsciio")
    path = tmp_path / f"a.{extension}".rstrip(".")
    path.write_bytes(b"something")
    refused(path, "unknown format", "save it as TIFF", *(["JPEG"] if extension == "jpg" else []))


# ---- files that are not there, not readable, not what they seem -------------------------------------------


def test_missing_folder_and_empty(tmp_path):
    refused(tmp_path / "none.tif", "does not exist")
    refused(tmp_path / "none" / "a.tif", "does not exist")
    (tmp_path / "folder.tif").mkdir()
    refused(tmp_path / "folder.tif", "is a folder")
    for extension in ("tif", "png", "npy", "npz", "dm4", "xyz"):
        (tmp_path / f"a.{extension}").touch()
        refused(tmp_path / f"a.{extension}", "empty (0 bytes)")
    refused(tmp_path / "null\0.tif", "cannot be opened")
    refused(tmp_path / "two\nlines.tif", "does not exist")


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "a.npy"
    np.save(path, IMAGE)
    path.chmod(0)
    if os.access(path, os.R_OK):  # the superuser reads everything

        def denied(self, *args, **kwargs):
            raise PermissionError(errno.EACCES, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", denied)
    refused(path, "may not be read", "permission")


EXTENSIONS = ["tif", "tiff", "png", "npy", "npz", "dm3", "dm4", "emd", "ser", "emi", "mrc", "hspy"]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_other_contents_under_a_known_name(tmp_path, extension, capfd, caplog):
    if extension not in EXTENSIONS[:5]:
        pytest.importorskip("rsciio")
    path = tmp_path / f"a.{extension.upper()}"
    for contents in (b"words, and no image\n" * 99, bytes(4096), np.random.default_rng(1).bytes(4096)):
        path.write_bytes(contents)
        refused(path)
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_missing_rosettasciio(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rsciio", None)
    for name in ("a.dm4", "a.emd", "a.xyz"):
        (tmp_path / name).write_bytes(b"x")
        refused(tmp_path / name, "RosettaSciIO", "pip install 'n2sr-lib[em]'")
    np.save(tmp_path / "a.npy", IMAGE)
    assert io.read(tmp_path / "a.npy").image.shape == IMAGE.shape


def test_missing_package_of_one_reader(tmp_path, monkeypatch):
    pytest.importorskip("rsciio")
    monkeypatch.setitem(sys.modules, "rsciio.hspy", None)
    (tmp_path / "a.hspy").write_bytes(b"x")
    refused(tmp_path / "a.hspy", "needs the package rsciio.hspy", "pip install")


# ---- microscope files -------------------------------------------------------------------------------------

NM_IMAGES = [  # name, signal or frame chosen, shape, type, pixel in nm; all from the folder's README
    ("formats/multi_signal.dm3", {}, (512, 512), "u2", 0.01775),
    ("formats/test_STEM_image.dm3", {}, (68, 68), "u4", 0.24854),
    ("formats/imagestack.dm3", {"frame": 2}, (2, 16), "u4", 59.983),
    ("formats/stack.dm4", {"frame": 1}, (2, 2), "i2", None),
    ("formats/two_by_two.dm4", {}, (2, 2), "i2", None),
    ("formats/velox_stack.emd", {"frame": 1}, (3, 3), "i2", 0.00817),
    ("formats/berkeley.emd", {}, (3, 3), "i4", None),
    ("formats/scanning.emi", {"frame": 4}, (128, 128), "u2", 0.384),
    ("formats/scanning_1.ser", {"frame": 0}, (128, 128), "u2", 0.384),
    ("formats/tem_search.emi", {}, (128, 128), "i4", 5.26),
    ("formats/tem_search_1.ser", {}, (128, 128), "i4", 5.26),
    ("formats/HAADFscan.mrc", {}, (16, 16), "u2", 5.679),
    ("real/stem_abf_data_imagestack.hspy", {"frame": 3}, (512, 512), "u2", 0.0092),
    ("real/091_HAADF_15nm_Sample_PtNC_21Oct20.tif", {}, (512, 512), "u4", 0.029297),
    ("real/HRSTEM.h5", {}, (1024, 1024), "f4", 0.012247),
    ("real/Moire.npz", {}, (512, 512), "u2", None),
    ("real/MoS2_stem_Exp-000-2.npy", {}, (512, 512), "f8", None),
    ("ptceo2/1.tif", {}, (832, 896), "f4", None),
]


@pytest.mark.parametrize(("name", "choice", "shape", "dtype", "pixel"), NM_IMAGES)
def test_real_files(name, choice, shape, dtype, pixel):
    m = io.read(data(name), **choice)
    assert m.image.shape == shape and m.image.dtype == np.dtype(dtype) and type(m.image) is np.ndarray
    if pixel is None:
        assert (m.pixel_size, m.unit) == (None, None)
    else:
        assert m.pixel_size == pytest.approx(pixel, rel=5e-3) and m.unit == "nm"
    assert m.title and json.loads(json.dumps(m.metadata, allow_nan=False)) == m.metadata


@pytest.mark.parametrize(
    ("name", "side", "dtype", "pixel", "title", "volts"),
    [
        ("example_Se_implanted_MoS2.dm3", 1024, "u4", 0.0127, "SI Survey Image (active)", 60),
        ("example_Au_nanoparticle.emd", 2048, "u2", 0.0075, "HAADF", 300),
    ],
)
def test_real_microscopes_files_survive_into_tiff_and_hspy(
    name, side, dtype, pixel, title, volts, microscope_files, tmp_path
):
    pytest.importorskip("rsciio")
    m = io.read(microscope_files / name)
    assert m.image.shape == (side, side) and m.image.dtype == dtype and (m.title, m.unit) == (title, "nm")
    assert m.pixel_size == pytest.approx(pixel, rel=5e-3)
    for extension in ("tif", "hspy"):
        about = {"pixel_size": m.pixel_size, "unit": m.unit, "title": m.title}
        path = io.write(
            tmp_path / f"a.{extension}", m.image, **about, settings={"instrument": m.metadata, "seed": 3}
        )
        back = io.read(path)
        np.testing.assert_array_equal(back.image, m.image.astype(np.float32))
        assert (back.title, back.unit) == (title, "nm") and back.pixel_size == pytest.approx(m.pixel_size)
        kept = back.metadata["n2sr"]["settings"]
        kept = json.loads(kept) if extension == "hspy" else kept
        instrument = back.metadata if extension == "hspy" else kept["instrument"]
        assert kept["seed"] == 3 and instrument["Acquisition_instrument"]["TEM"]["beam_energy"] == volts


def test_frames_differ_and_metadata_is_the_instruments():
    frames = everything(data("real/stem_abf_data_imagestack.hspy"))
    assert len(frames) == 5 and not any(np.array_equal(frames[0], f) for f in frames[1:])
    m = io.read(data("formats/multi_signal.dm3"))
    assert m.title == "HAADF" and m.metadata["Acquisition_instrument"]["TEM"]["beam_energy"] == 300


@pytest.mark.parametrize(
    ("name", "choice", "words"),
    [
        ("formats/multi_signal.dm3", {"signal": 1}, ["Signal 1", "one line of 512 values"]),
        ("formats/line.dm3", {}, ["one line of 2 values"]),
        ("formats/complex.dm4", {}, ["complex numbers"]),
        ("formats/velox_complex.emd", {}, ["complex numbers"]),
        ("formats/rgba.dm4", {}, ["in colour"]),
        ("formats/stack.dm4", {}, ["2 frames of 2x2", "frame=K (--frame K)"]),
        ("formats/imagestack.dm3", {}, ["3 frames of 2x16"]),
        ("formats/velox_stack.emd", {}, ["2 frames of 3x3"]),
        ("formats/scanning.emi", {}, ["5 frames of 128x128"]),
        ("real/stem_abf_data_imagestack.hspy", {"frame": 5}, ["no frame 5", "0 to 4"]),
    ],
)
def test_real_files_that_are_no_single_image(name, choice, words):
    refused(data(name), *words, **choice)


def test_spectra_are_refused_and_uneven_pixels_have_no_size(tmp_path, monkeypatch):
    hspy = pytest.importorskip("rsciio.hspy")
    (tmp_path / "a.hspy").write_bytes(b"x")

    def saved(shape, navigate, scale=(1.0, 1.0, 1.0)):
        """A file that RosettaSciIO reads as one signal with these axes."""
        axes = [
            {"size": n, "scale": step, "units": "nm", "navigate": nav}
            for n, step, nav in zip(shape, scale, navigate, strict=False)
        ]
        values = np.arange(np.prod(shape), dtype="f4").reshape(shape)
        signal = {"data": values, "axes": axes, "metadata": {"General": {"title": "map"}}}
        monkeypatch.setattr(hspy, "file_reader", lambda path, lazy: [signal])
        return tmp_path / "a.hspy"

    refused(saved((4, 5, 6), (True, True, False)), "spectra (shape 4x5x6)", "save a map")
    refused(saved((4, 6), (True, False)), "spectra")
    assert io.read(saved((4, 6), (False, False))).pixel_size == 1
    assert io.read(saved((4, 6), (True, True))).title == "map"  # a map summed over its spectra
    assert io.read(saved((3, 4, 6), (True, False, False)), frame=1).image[0, 0] == 24
    m = io.read(saved((4, 6), (False, False), scale=(1.0, 1.01)))
    assert (m.pixel_size, m.unit) == (None, None)


def test_a_reader_that_talks_and_metadata_that_json_cannot_hold(
    tmp_path, monkeypatch, capfd, caplog, recwarn
):
    hspy = pytest.importorskip("rsciio.hspy")
    (tmp_path / "a.hspy").write_bytes(b"x")
    metadata = {"kV": np.float32(300), "list": np.arange(2), "nan": np.nan, "thing": object(), "long": IMAGE}

    def talkative(path, lazy):
        warnings.warn("a warning", UserWarning, stacklevel=2)
        logging.getLogger("rsciio.hspy").warning("a message")
        axes = [{"scale": 1.0, "units": "<undefined>", "navigate": False}] * 2
        return [{"data": IMAGE, "axes": axes, "metadata": metadata}]

    monkeypatch.setattr(hspy, "file_reader", talkative)
    # RosettaSciIO brings a handler of its own, which writes to the screen
    monkeypatch.setattr(logging.getLogger("rsciio"), "handlers", [logging.StreamHandler(sys.stderr)])
    m = io.read(tmp_path / "a.hspy")
    assert m.metadata == {"kV": 300.0, "list": [0, 1]} and m.title == "a"
    assert capfd.readouterr() == ("", "") and not caplog.records and not recwarn.list


def test_berkeley_emd_with_two_images(tmp_path):
    pytest.importorskip("rsciio")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.emd", "w") as f:
        f.attrs.update({"version_major": 0, "version_minor": 2})
        for name in ("bf", "haadf"):
            group = f.create_group(f"data/{name}")
            group.attrs["emd_group_type"] = 1
            group["data"] = np.arange(12, dtype="f4").reshape(3, 4)
            for k, n in ((1, 3), (2, 4)):
                group[f"dim{k}"] = 0.5 * np.arange(n)
                group[f"dim{k}"].attrs.update({"name": "xy"[k - 1], "units": "[n_m]"})
    listed = refused(tmp_path / "a.emd", "several images", "signal=K (--signal K)")
    assert "signal 0: bf " in listed and "signal 1: haadf " in listed
    m = io.read(tmp_path / "a.emd", signal=1)
    assert (m.title, m.pixel_size, m.unit) == ("haadf", 0.5, "nm")


@pytest.mark.parametrize("dtype", ["u2", "i2", "f4"])
def test_mrc(tmp_path, dtype):
    pytest.importorskip("rsciio")
    mrcfile = pytest.importorskip("mrcfile")
    path = tmp_path / "a.mrc"
    with mrcfile.new(path) as mrc:
        mrc.set_data((IMAGE % 30000).astype(dtype))
        mrc.voxel_size = 1.25  # Å
    m = io.read(path)
    np.testing.assert_array_equal(m.image, IMAGE % 30000)
    assert m.image.dtype == np.dtype(dtype) and type(m.image) is np.ndarray
    assert m.pixel_size == pytest.approx(0.125, rel=1e-6) and m.unit == "nm"
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(IMAGE)
    assert io.read(path).pixel_size is None  # mrcfile's default voxel, 0
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(np.stack([IMAGE, IMAGE + 1]))
    refused(path, "2 frames of 20x30")
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(IMAGE.astype("c8"))
    refused(path, "complex")


def test_emi_without_its_ser(tmp_path):
    shutil.copy(data("formats/scanning.emi"), tmp_path)
    refused(tmp_path / "scanning.emi", "no .ser file beside it", "put it there")


# ---- cut short --------------------------------------------------------------------------------------------


def tiff_with_directories_last(frames) -> bytes:
    """A little-endian TIFF whose pages' directories follow all pixels, as several programs write it."""
    h, w = frames[0].shape
    pixels, tables = b"".join(f.astype("<u2").tobytes() for f in frames), b""
    start = 8 + len(pixels)
    for k in range(len(frames)):
        tags = [
            (256, w),
            (257, h),
            (258, 16),
            (259, 1),
            (262, 1),
            (273, 8 + k * h * w * 2),
            (277, 1),
            (278, h),
        ]
        tags.append((279, h * w * 2))
        following = start + len(tables) + 2 + 12 * len(tags) + 4 if k < len(frames) - 1 else 0
        tables += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in tags)
        tables += struct.pack("<I", following)
    return b"II*\0" + struct.pack("<I", start) + pixels + tables


def imagej_stack_with_one_directory(frames) -> bytes:
    """An ImageJ stack that describes its first frame only; the others follow, as in ImageJ's large stacks."""
    h, w = frames[0].shape
    text = f"ImageJ=1.54f\nimages={len(frames)}\nslices={len(frames)}\n\0".encode()
    tags = [(256, 4, 1, w), (257, 4, 1, h), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)]
    end = 8 + 2 + 12 * (len(tags) + 5) + 4
    start = end + len(text)
    tags += [
        (270, 2, len(text), end),
        (273, 4, 1, start),
        (277, 3, 1, 1),
        (278, 4, 1, h),
        (279, 4, 1, h * w * 2),
    ]
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    pixels = b"".join(f.astype("<u2").tobytes() for f in frames)
    return b"II*\0" + struct.pack("<I", 8) + table + struct.pack("<I", 0) + text + pixels


def make(name: str, path: Path) -> None:
    stack = np.stack([IMAGE, IMAGE + 1, IMAGE + 2])
    if name == "imagej.tif":
        tifffile.imwrite(path, IMAGE.astype("f4"), imagej=True, resolution=(8, 8), metadata={"unit": "nm"})
    elif name == "imagej_stack.tif":
        tifffile.imwrite(path, stack, imagej=True)
    elif name == "strips.tif":
        tifffile.imwrite(path, IMAGE, rowsperstrip=4, compression="zlib")
    elif name == "lzw.tif":  # without its last byte this one decodes to other values
        pytest.importorskip("imagecodecs")
        image = np.random.default_rng(0).integers(0, 60000, (40, 50)).astype(np.uint16)
        tifffile.imwrite(path, image, rowsperstrip=8, compression="lzw")
    elif name == "imagej_large.tif":
        path.write_bytes(imagej_stack_with_one_directory(stack))
    elif name == "tiles.tif":
        tifffile.imwrite(path, IMAGE, tile=(16, 16))
    elif name == "pages.tif":
        path.write_bytes(tiff_with_directories_last(stack))
    elif name == "a.png":
        skimage.io.imsave(path, IMAGE, check_contrast=False)
    elif name == "a.npy":
        np.save(path, IMAGE)
    elif name == "a.npz":
        np.savez_compressed(path, image=IMAGE)
    elif name == "a.mrc":
        pytest.importorskip("rsciio")
        mrcfile = pytest.importorskip("mrcfile")
        with mrcfile.new(path) as mrc:
            mrc.set_data(IMAGE)
    else:
        shutil.copyfile(data(name), path)


OURS = [
    "imagej.tif",
    "imagej_stack.tif",
    "imagej_large.tif",
    "strips.tif",
    "lzw.tif",
    "tiles.tif",
    "pages.tif",
]
OURS += ["a.png", "a.npy", "a.npz", "a.mrc"]
THEIRS = ["two_by_two.dm4", "stack.dm4", "test_STEM_image.dm3", "velox_stack.emd", "berkeley.emd"]
THEIRS += ["tem_search_1.ser", "HAADFscan.mrc"]


@pytest.mark.parametrize("name", OURS + [f"formats/{n}" for n in THEIRS])
def test_a_file_cut_short_is_refused_or_whole(tmp_path, name, capfd, caplog, recwarn):
    """Wherever the cut is, only the whole image comes back, and half of a file never is one."""
    path = tmp_path / Path(name).name
    make(name, path)
    whole, contents = everything(path), path.read_bytes()
    n = len(contents)
    for cut in sorted(
        {1, 3, 8, 9, n // 2, *np.linspace(16, n - 1, 25, dtype=int), *range(n - 16, n), n - 116}
    ):
        path.write_bytes(contents[:cut])
        try:
            rest = everything(path)
        except InputError as error:
            one_sentence(str(error))
            continue
        assert cut > n // 2, f"an image from {cut} of {n} bytes"
        assert len(rest) == len(whole) and all(map(np.array_equal, rest, whole)), (
            f"a part at {cut} of {n} bytes"
        )
    # Python hides warnings of files left open, which some readers cause
    warned = [w for w in recwarn.list if w.category is not ResourceWarning]
    assert capfd.readouterr() == ("", "") and not caplog.records and not warned
    assert list(tmp_path.iterdir()) == [path]


def test_a_cut_file_says_nothing_on_the_screen(tmp_path):
    """In a process of its own, where no test framework takes warnings and log messages."""
    make("pages.tif", tmp_path / "a.tif")
    contents = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(contents[:-228])
    code = (
        "import sys\nfrom n2sr_lib import io\ntry:\n io.read(sys.argv[1])\nexcept ValueError as e:\n print(e)"
    )
    call = [sys.executable, "-c", code, str(tmp_path / "a.tif")]
    env = os.environ | {"PYTHONPATH": str(Path(io.__file__).parents[2])}
    done = subprocess.run(call, capture_output=True, text=True, env=env, timeout=120)
    assert done.stderr == "" and done.stdout.count("\n") == 1 and "cut short" in done.stdout


def test_logging_is_left_as_it_was(tmp_path):
    before = [
        (logging.getLogger(n).propagate, list(logging.getLogger(n).handlers)) for n in ("tifffile", "rsciio")
    ]
    (tmp_path / "a.tif").write_bytes(b"words")
    refused(tmp_path / "a.tif")
    after = [
        (logging.getLogger(n).propagate, list(logging.getLogger(n).handlers)) for n in ("tifffile", "rsciio")
    ]
    assert before == after


# ---- writing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["tif", "tiff", "TIF"])
@pytest.mark.parametrize(
    ("pixel_size", "unit", "nm"),
    [
        (0.0127, "nm", 0.0127),
        (8.17, "pm", 0.00817),
        (1 / 3, "Å", 1 / 30),
        (2.5, "µm", 2500.0),
        (0.02, "nm", 0.02),
    ],
)
def test_tiff_comes_back_with_its_pixel_size(tmp_path, extension, pixel_size, unit, nm):
    image = np.random.default_rng(2).normal(size=(9, 7))
    settings = {"steps": 300, "seed": 0, "source": Path("a.dm4"), "note": "σ, 2 µm"}
    path = tmp_path / f"a.{extension}"
    assert (
        io.write(path, image, pixel_size=pixel_size, unit=unit, title="Pt on CeO₂", settings=settings) == path
    )
    m = io.read(path)
    assert m.image.dtype == np.float32
    np.testing.assert_array_equal(m.image, image.astype("f4"))
    assert m.pixel_size == pytest.approx(nm, rel=1e-8) and m.unit == "nm"
    assert m.title == "Pt on CeO₂" and m.metadata["n2sr"]["settings"] == settings | {"source": "a.dm4"}
    assert list(tmp_path.iterdir()) == [path]


def test_fiji_finds_the_pixel_size_where_it_looks(tmp_path):
    io.write(tmp_path / "a.tif", IMAGE, pixel_size=12.5, unit="pm")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_imagej and "unit=nm" in tif.pages[0].description.splitlines()
        x, y = tif.pages[0].tags["XResolution"].value, tif.pages[0].tags["YResolution"].value
    assert x[0] / x[1] == y[0] / y[1] == pytest.approx(80, rel=1e-8)  # pixels per unit


def test_other_units_and_none(tmp_path):
    for unit in ("1/nm", "mrad", "°"):
        io.write(tmp_path / "a.tif", IMAGE, pixel_size=0.25, unit=unit, overwrite=True)
        m = io.read(tmp_path / "a.tif")
        assert (m.pixel_size, m.unit) == (0.25, unit)
    m = io.read(io.write(tmp_path / "b.tif", IMAGE))
    assert (m.pixel_size, m.unit, m.title) == (None, None, "b")
    m = io.read(io.write(tmp_path / "b.npy", IMAGE, pixel_size=1, unit="nm"))
    np.testing.assert_array_equal(m.image, IMAGE)
    assert m.image.dtype == np.float32 and m.pixel_size is None


@pytest.mark.parametrize(
    ("image", "pixel", "word"),
    [
        (IMAGE[0], {}, "2-D"),
        (np.stack([IMAGE, IMAGE]), {}, "2x20x30 uint16"),
        (IMAGE.astype("c8"), {}, "real"),
        (IMAGE[:0], {}, "2-D"),
        (IMAGE, {"pixel_size": -0.0, "unit": "nm"}, "positive"),
        (IMAGE, {"pixel_size": float("nan"), "unit": "nm"}, "positive"),
        (IMAGE, {"pixel_size": 1.0}, "unit"),
        (IMAGE, {"unit": "nm"}, "positive"),
        (IMAGE, {"pixel_size": 1e-12, "unit": "nm"}, "makes no sense"),
    ],
)
def test_what_cannot_be_written(tmp_path, image, pixel, word):
    with pytest.raises(InputError) as caught:
        io.write(tmp_path / "a.tif", image, **pixel)
    assert word in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_hspy_carries_everything(tmp_path):
    hspy = pytest.importorskip("rsciio.hspy")
    settings = {"seed": 3, "instrument": {"Acquisition_instrument": {"TEM": {"beam_energy": 300}}, "k": [1]}}
    about = {"pixel_size": 25, "unit": "pm", "title": "scan 7", "settings": settings}
    assert io.write(tmp_path / "a.hspy", IMAGE, **about) == tmp_path / "a.hspy"
    m = io.read(tmp_path / "a.hspy")
    np.testing.assert_array_equal(m.image, IMAGE.astype(np.float32))
    assert (m.pixel_size, m.unit, m.title) == (pytest.approx(0.025), "nm", "scan 7")
    assert m.metadata["Acquisition_instrument"]["TEM"]["beam_energy"] == 300
    assert json.loads(m.metadata["n2sr"]["settings"]) == settings
    (entry,) = hspy.file_reader(str(tmp_path / "a.hspy"), lazy=False)
    assert [axis["units"] for axis in entry["axes"]] == ["nm", "nm"]
    io.write(tmp_path / "b.hspy", IMAGE)
    assert io.read(tmp_path / "b.hspy").pixel_size is None
    with pytest.raises(InputError, match="exists"):
        io.write(tmp_path / "a.hspy", IMAGE)
    assert {p.name for p in tmp_path.iterdir()} == {"a.hspy", "b.hspy"}


def test_check_writable(tmp_path, monkeypatch):
    def no(path, *words, **options):
        with pytest.raises(InputError) as caught:
            io.check_writable(path, **options)
        one_sentence(str(caught.value), *words)

    path = tmp_path / "a.tif"
    assert io.check_writable(path) == path and list(tmp_path.iterdir()) == []
    no(tmp_path / "a.png", ".tif, .tiff, .npy")
    no(tmp_path / "a", ".tif, .tiff, .npy")
    no(tmp_path, "is a folder")
    no(tmp_path / "none" / "a.tif", "does not exist", "create it")
    path.write_bytes(b"precious")
    no(path, "exists", "overwrite=True (--overwrite)")
    assert io.check_writable(path, overwrite=True) == path
    (tmp_path / "b.tif").symlink_to(path)
    for source in (path, str(path), tmp_path / "b.tif"):
        no(path, "the image that was read", overwrite=True, source=source)
    assert io.check_writable(path, overwrite=True, source=tmp_path / "other.dm4") == path
    monkeypatch.setattr(os, "access", lambda p, mode: Path(p) != path)
    no(path, "write-protected", overwrite=True)
    monkeypatch.setattr(os, "access", lambda p, mode: False)
    no(tmp_path / "new.tif", "may not be written to")


@pytest.mark.parametrize("name", ["a.tif", "a.npy"])
def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_bytes(b"precious")
    with pytest.raises(InputError, match="exists"):
        io.write(path, IMAGE)

    def full(file, *args, **kwargs):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tifffile, "imwrite", full)
        patch.setattr(np, "save", full)
        with pytest.raises(InputError, match=r"No space left on device\); choose"):
            io.write(path, IMAGE, overwrite=True)
    assert path.read_bytes() == b"precious" and list(tmp_path.iterdir()) == [path]

    with monkeypatch.context() as patch:  # somebody else takes the name while the file is being written
        other = tmp_path / f"new_{name}"
        patch.setattr(tifffile, "imwrite", lambda *args, **kwargs: other.write_bytes(b"theirs"))
        patch.setattr(np, "save", lambda *args, **kwargs: other.write_bytes(b"theirs"))
        with pytest.raises(InputError, match="exists"):
            io.write(other, IMAGE)
    assert other.read_bytes() == b"theirs" and sorted(tmp_path.iterdir()) == sorted([path, other])

    io.write(path, IMAGE, overwrite=True)
    np.testing.assert_array_equal(io.read(path).image, IMAGE)
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode  # readable by whom the user wants


def test_hspy_without_its_writer_is_refused_before_long_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rsciio.hspy", None)
    with pytest.raises(InputError, match="needs RosettaSciIO: pip install"):
        io.check_writable(tmp_path / "a.hspy")


def test_a_pixel_size_that_makes_no_sense_is_none(tmp_path):
    """What is read can be written: else a training would end in a refusal."""
    h5py = pytest.importorskip("h5py")
    for size in (2e-11, 1e10):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["a"] = IMAGE
            file["a"].attrs.update(scale=size, unit="nm")
        m = io.read(tmp_path / "a.h5")
        assert (m.pixel_size, m.unit) == (None, None)


def test_null_characters_in_metadata_can_be_written(tmp_path):
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("rsciio")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = IMAGE
        file["a"].attrs["note"] = np.void(b"a\0b\0")
        file["a"].attrs["mode"] = np.array(b"STEM\0x", "S8")
    m = io.read(tmp_path / "a.h5")
    assert m.metadata["mode"] == "STEMx"
    io.write(tmp_path / "a.hspy", m.image, settings={"instrument": m.metadata})
    assert io.read(tmp_path / "a.hspy").metadata["mode"] == "STEMx"


def test_a_name_too_long_for_its_companions_is_refused(tmp_path):
    """Those of a result: the checkpoint, the report."""
    assert io.check_writable(tmp_path / f"{'a' * 200}.tif")
    for name in (f"{'a' * 230}.tif", f"{'µ' * 115}.tif"):
        with pytest.raises(InputError) as caught:
            io.check_writable(tmp_path / name)
        one_sentence(str(caught.value), "too long")


def test_hdf5_attributes_as_others_write_them(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = IMAGE
        about = {"scale": np.array([0.1]), "unit": np.array([b"nm"]), "operator": np.bytes_(b"M\xfcller")}
        file["a"].attrs.update(about)
        text = h5py.string_dtype()
        file["a"].attrs.create("sample", b"\xb5-crystal", dtype=text)
        file["a"].attrs["nothing"] = h5py.Empty("f")
    m = io.read(tmp_path / "a.h5")
    assert (m.pixel_size, m.unit) == (0.1, "nm")
    assert m.metadata["operator"] == "M\u00fcller" and m.metadata["sample"] == "\u00b5-crystal"
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["a"].attrs["unit"] = np.bytes_(b"\xb5m")
    assert io.read(tmp_path / "a.h5").pixel_size == pytest.approx(100)


def test_of_an_hdf5_file_only_the_chosen_data_set_is_loaded(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["haadf"], file["series"] = IMAGE[None], np.stack([IMAGE, IMAGE + 1])
        file.create_dataset("diffraction", shape=(512, 512, 2048, 2048), dtype="u2", chunks=(1, 1, 64, 64))
    loaded, get = [], h5py.Dataset.__getitem__
    monkeypatch.setattr(
        h5py.Dataset, "__getitem__", lambda d, k, **o: loaded.append(d.name) or get(d, k, **o)
    )
    assert np.array_equal(io.read(tmp_path / "a.h5").image, IMAGE)
    assert np.array_equal(io.read(tmp_path / "a.h5", signal="series", frame=1).image, IMAGE + 1)
    assert len(list(io.read_frames(tmp_path / "a.h5", signal=2))) == 2
    refused(tmp_path / "a.h5", "4 dimensions (512x512x2048x2048)", signal="diffraction")
    assert loaded == ["/haadf", "/series", "/series"]


@pytest.mark.parametrize("name", ["scan[2].emi", "scans[2]/scan.emi"])
def test_an_emi_file_whose_ser_is_looked_for_by_a_pattern(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    for end in (".emi", "_1.ser"):
        shutil.copy(data(f"formats/scanning{end}"), path.with_name(path.stem + end))
    refused(path, "[", "rename", ".ser")
    assert io.read(path.with_name(f"{path.stem}_1.ser"), frame=4).image.shape == (128, 128)


def test_hspy_keeps_what_was_known_of_the_image(tmp_path):
    pytest.importorskip("rsciio")
    general = {"title": "old", "date": "2024-05-01", "time": "12:00:00", "authors": "A", "notes": "thin"}
    instrument = {"General": general, "Signal": {"quantity": "Electrons (Counts)", "signal_type": "EELS"}}
    for known in (instrument, {"General": "words", "Signal": 3}, {}):
        settings = {"instrument": known}
        io.write(tmp_path / "a.hspy", IMAGE, title="new", settings=settings, overwrite=True)
        found = io.read(tmp_path / "a.hspy").metadata
        assert found["General"]["title"] == "new" and found["Signal"]["signal_type"] == ""
        if known is instrument:
            assert found["General"] == general | {"title": "new"}
            assert found["Signal"]["quantity"] == "Electrons (Counts)"


def test_a_file_that_appeared_meanwhile_is_not_replaced_by_a_hspy(tmp_path, monkeypatch):
    hspy, path = pytest.importorskip("rsciio.hspy"), tmp_path / "new.hspy"

    def meanwhile(name, *_, **__):
        path.write_bytes(b"theirs")
        Path(name).write_bytes(b"ours")

    monkeypatch.setattr(hspy, "file_writer", meanwhile)
    with pytest.raises(InputError, match="exists"):
        io.write(path, IMAGE)
    assert path.read_bytes() == b"theirs" and list(tmp_path.iterdir()) == [path]
