"""Bundled samples, published files and their checks."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from n2sr_lib import data
from n2sr_lib.errors import InputError

CLEAN = [f"ptceo2_{structure}_{contrast}" for structure in "abc" for contrast in ("black", "mixed", "white")]
has_data = pytest.mark.skipif("N2SR_DATA" not in os.environ, reason="N2SR_DATA is not set")


def test_samples_are_complete_and_small():
    assert data.sample_names() == ["demo_noisy", *CLEAN]
    assert sum(path.stat().st_size for path in data.samples_folder().iterdir()) < 6e6


@pytest.mark.parametrize("name", CLEAN)
def test_clean_samples_have_the_papers_intensity_scale(name):
    x = data.sample(name)
    assert x.shape == (832, 896) and x.dtype == np.float32
    assert x.min() >= 0.24 - 1e-6 and x.max() <= 0.75 + 1e-6
    assert x.mean() == pytest.approx(0.44, abs=1e-4)  # one twelve-bit step
    assert x.std() > 0.03


def test_no_sample_is_another_one():
    images = [data.sample(name).ravel() for name in CLEAN]
    correlation = np.abs(np.corrcoef(images)[np.triu_indices(len(CLEAN), 1)])
    assert correlation.max() < 0.95


def test_lattice_spacing_agrees_with_the_pixel_size():
    # the Pt (111) planes of structure a are parallel to the surface: a peak on the vertical frequency axis
    x = data.sample("ptceo2_a_white")[130:430, 400:680].astype(float)
    power = np.abs(np.fft.fft((x - x.mean()).mean(axis=1) * np.hanning(x.shape[0]), 4096)) ** 2
    frequency = np.fft.fftfreq(4096)
    band = (frequency > 1 / 70) & (frequency < 1 / 30)
    spacing = 1 / frequency[band][power[band].argmax()]
    pixel = data.sample_info("ptceo2_a_white")["pixel_size_nm"]
    # seven planes in the window fix the frequency to a few per cent
    assert spacing * pixel == pytest.approx(0.3924 / np.sqrt(3), rel=0.03)


def test_demo_is_poisson_noise_on_its_clean_counterpart():
    y, x = data.demo()
    assert y.shape == x.shape == (512, 512) and y.dtype == x.dtype == np.float32
    np.testing.assert_array_equal(y, data.sample("demo_noisy"))
    standard = ((y - x) / np.sqrt(x)).astype(np.float64)
    k = 4 / np.sqrt(y.size)
    assert abs(standard.mean()) < k
    # variance of (y-x)^2/x for Poisson counts: 2 + 1/x
    assert abs((standard**2).mean() - 1) < k * np.sqrt(2 + 1 / x.min())
    # pixel-independent: neighbours are uncorrelated
    assert abs((standard[:, 1:] * standard[:, :-1]).mean()) < k
    assert abs((standard[1:] * standard[:-1]).mean()) < k


def test_pixel_sizes_are_in_the_tags_too():
    for name in data.sample_names():
        with tifffile.TiffFile(data.samples_folder() / f"{name}.tif") as file:
            page = file.pages[0]
            numerator, denominator = page.tags["XResolution"].value
            nanometres = 1.0 if file.is_imagej and file.imagej_metadata["unit"] == "nm" else 1e7
            assert page.dtype == np.uint16
        pixel = data.sample_info(name)["pixel_size_nm"]
        assert nanometres * denominator / numerator == pytest.approx(pixel, rel=1e-6)


def test_unknown_names_get_one_sentence(monkeypatch, tmp_path):
    with pytest.raises(InputError, match=r"no sample 'moon'.*demo_noisy"):
        data.sample("moon")
    with pytest.raises(InputError, match="no published file"):
        data.fetch("real/moon.tif")
    with pytest.raises(InputError, match="1 to 5"):
        data.paper_image(6)
    monkeypatch.setenv("N2SR_SAMPLES", str(tmp_path))
    with pytest.raises(InputError, match="N2SR_SAMPLES"):
        data.sample("demo_noisy")


@pytest.fixture
def registry(monkeypatch, tmp_path):
    """One small published file "real/x.npy" instead of the real ones; no data folder, an empty cache."""
    content = b"what was published"
    files = {"real/x.npy": ("nobody/nothing/0/folder", hashlib.sha256(content).hexdigest())}
    monkeypatch.setattr(data, "FILES", files)
    monkeypatch.delenv("N2SR_DATA", raising=False)
    monkeypatch.setenv("N2SR_CACHE", str(tmp_path / "cache"))
    return content


def _put(folder, content):
    (folder / "real").mkdir(parents=True)
    (folder / "real" / "x.npy").write_bytes(content)


def test_data_folder_is_used_and_checked(registry, monkeypatch, tmp_path):
    monkeypatch.setenv("N2SR_DATA", str(tmp_path / "given"))
    _put(tmp_path / "given", registry)
    path = tmp_path / "given" / "real" / "x.npy"
    assert data.fetch("real/x.npy") == path
    path.write_bytes(registry + b"!")
    with pytest.raises(InputError, match="SHA-256"):
        data.fetch("real/x.npy")


def test_cache_serves_without_pooch(registry, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pooch", None)  # importing it now fails
    _put(tmp_path / "cache", registry)
    assert data.fetch("real/x.npy") == tmp_path / "cache" / "real" / "x.npy"


def test_download_goes_to_the_pinned_origin_and_is_checked(registry, monkeypatch, tmp_path):
    pooch = pytest.importorskip("pooch")
    asked, sent = [], [registry]

    def download(self, url, output_file, *rest, **options):
        asked.append(url)
        with open(output_file, "wb") as file:
            file.write(sent[0])

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", download)
    path = data.fetch("real/x.npy")
    assert path == tmp_path / "cache" / "real" / "x.npy" and path.read_bytes() == registry
    assert asked == ["https://raw.githubusercontent.com/nobody/nothing/0/folder/x.npy"]
    path.write_bytes(b"damaged")  # a damaged copy is fetched again
    assert data.fetch("real/x.npy").read_bytes() == registry
    path.unlink()
    sent[0] = b"something else"
    with pytest.raises(InputError, match="could not be downloaded"):
        data.fetch("real/x.npy")
    assert not path.exists()


@pytest.mark.parametrize("why", ["offline", "no pooch"])
def test_missing_file_says_both_ways_in_one_sentence(registry, monkeypatch, why):
    if why == "offline":
        pooch = pytest.importorskip("pooch")

        def unreachable(*arguments, **options):
            raise ConnectionError("many lines\nof detail")

        monkeypatch.setattr(pooch.HTTPDownloader, "__call__", unreachable)
    else:
        monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(InputError) as caught:
        data.fetch("real/x.npy")
    message = str(caught.value)
    assert "real/x.npy is missing" in message and "N2SR_DATA" in message and "pooch" in message
    assert "\n" not in message and ". " not in message


def test_reading_and_a_mistyped_option_need_neither_torch_nor_pooch():
    code = "import sys, n2sr_lib.data, n2sr_lib.io, n2sr_lib.cli; print({'torch', 'pooch'} & {*sys.modules})"
    folder = Path(data.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stdout + done.stderr


@has_data
@pytest.mark.parametrize("k", range(1, 6))
def test_paper_images_are_the_published_ones(k):
    x = data.paper_image(k)
    assert x.shape == (832, 896) and x.dtype == np.float32
    assert x.min() > 0.24 and x.max() < 0.75
    assert data.fetch(f"ptceo2/{k}.tif").is_relative_to(os.environ["N2SR_DATA"])


@has_data
@pytest.mark.parametrize("name", [name for name in data.FILES if name.startswith("real/")])
def test_real_files_are_the_published_ones(name):
    assert data.fetch(name).is_relative_to(os.environ["N2SR_DATA"])


def test_array_hash_sees_values_shape_and_type_but_not_layout():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    reference = data.array_hash(image)
    assert data.array_hash(np.asfortranarray(image)) == reference == data.array_hash(image.copy())
    assert data.array_hash(np.ascontiguousarray(image.T)) != reference
    assert data.array_hash(image.reshape(4, 3)) != reference
    assert data.array_hash(image.astype(np.float64)) != reference
    assert data.array_hash(image.view(np.int32)) != reference
    changed = image.copy()
    changed[2, 3] += 1
    assert data.array_hash(changed) != reference


def test_descriptions_are_plain_json():
    for name in CLEAN:
        with tifffile.TiffFile(data.samples_folder() / f"{name}.tif") as file:
            assert json.loads(file.pages[0].description)["name"] == name
