"""What is imaged and how: the simulation of the bundled samples."""

import sys

import numpy as np
import pytest

from n2sr_lib import bundled, data, simulate, specimen
from n2sr_lib.errors import InputError

TINY = {"facets": (5.5, 5.2, 2.5), "surface": 0.8, "thickness": 6.0, "shape": (340, 240)}


@pytest.fixture(scope="module")
def atoms():
    pytest.importorskip("abtem", reason="the extra sim is not installed")
    return specimen.particle_on_support(**TINY)


@pytest.fixture(scope="module")
def images(atoms):
    return simulate.hrtem(atoms, [-100.0, 0.0], phonons=2, seed=3)


def test_missing_abtem_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "abtem", None)
    for call in (specimen.particle_on_support, lambda: simulate.hrtem(None, [0.0])):
        with pytest.raises(InputError, match=r'pip install "n2sr-lib\[sim\]"'):
            call()


def test_image_has_the_frame_and_follows_the_seed(atoms, images):
    assert images.shape == (2, 340, 240) and images.dtype == np.float32
    np.testing.assert_array_equal(simulate.hrtem(atoms, [-100.0, 0.0], phonons=2, seed=3), images)
    other = simulate.hrtem(atoms, [-100.0, 0.0], phonons=2, seed=4)
    assert not np.array_equal(other, images)
    # another thermal snapshot of the same columns is still the same picture
    assert all(np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9 for a, b in zip(other, images, strict=True))


def test_defocus_turns_the_contrast_around(atoms, images):
    # at the particle's columns, against the mean over the particle: white at overfocus, black near focus
    pt = atoms.positions[np.array(atoms.get_chemical_symbols()) == "Pt", :2]
    column, row = (pt / specimen.PIXEL - specimen.MARGIN).round().astype(int).T
    around = images[:, row.min() : row.max(), column.min() : column.max()]
    at_columns = images[:, row, column].mean(axis=1) - around.mean(axis=(1, 2))
    assert at_columns[0] > 0.1 and at_columns[1] < -0.1
    vacuum, support = images[:, :30].std(axis=(1, 2)), images[:, -60:].std(axis=(1, 2))
    assert (support > 5 * vacuum).all() and (vacuum < 0.005).all()


def test_series_is_the_same_images_formed_sooner(atoms, images):
    aberrations = [{**simulate.ABERRATIONS, "C10": -defocus} for defocus in (-100.0, 0.0)]
    series = simulate.hrtem_series(atoms, aberrations, phonons=2, seed=3)
    assert series.shape == images.shape and series.dtype == np.float32
    np.testing.assert_allclose(series, images, atol=1e-5)
    tilted = simulate.hrtem_series(atoms, aberrations, (15.0, 0.0), phonons=2, seed=3)
    assert np.corrcoef(tilted[0].ravel(), series[0].ravel())[0, 1] < 0.99
    assert tilted[:, :20, :40].mean() == pytest.approx(1.0, abs=0.02)  # vacuum has no lattice to be tilted


def test_centre_of_the_facets_cuts_opposite_sides_differently(atoms):
    def extent(**change):
        one = specimen.particle_on_support(**(TINY | {"missing": 0.0} | change))
        kept = one[np.array(one.get_chemical_symbols()) == "Pt"]
        place = (specimen.MARGIN + 0.5 * 240) * specimen.PIXEL
        return place - kept.positions[:, 0].min(), kept.positions[:, 0].max() - place

    assert extent()[0] == pytest.approx(extent()[1])
    left, right = extent(centre=(1.2, 1.2, -2.4))
    assert abs(left - right) > 1


def test_intensity_of_vacuum_is_one(atoms, images):
    # no electron is lost outside the specimen: an inverted map or a lost factor would show here
    assert images[:, :20, :40].mean() == pytest.approx(1.0, abs=0.02)


def test_structure_is_what_was_asked(atoms):
    symbols = np.array(atoms.get_chemical_symbols())
    y, z = atoms.positions.T[1:]
    frame = np.array([240, 340]) * specimen.PIXEL
    margin = specimen.MARGIN * specimen.PIXEL
    np.testing.assert_allclose(atoms.cell.lengths()[:2], frame + 2 * margin)
    pt, ce = symbols == "Pt", symbols == "Ce"
    # y points down: the particle is above the support, 2.2 Å away
    assert y[~pt].min() - y[pt].max() == pytest.approx(2.2, abs=1e-6)
    assert y[ce].min() == pytest.approx(margin + 0.8 * frame[1], abs=1e-6)
    assert symbols[y == y[~pt].min()][0] == "O"  # oxygen-terminated
    assert np.ptp(z[~pt]) <= 6.0
    # bond lengths inside the crystals
    for kind, bond in ((pt, specimen.PT / np.sqrt(2)), (~pt, specimen.CEO2 * np.sqrt(3) / 4)):
        distances = np.linalg.norm(atoms.positions[kind][:, None] - atoms.positions[kind][None], axis=2)
        assert distances[distances > 0].min() == pytest.approx(bond, abs=1e-3)


def test_step_seed_and_missing_columns(atoms):
    def build(**change):
        return specimen.particle_on_support(**(TINY | change))

    def platinum(structure):
        return structure.get_chemical_symbols().count("Pt")

    assert platinum(build(missing=0.0)) > platinum(build(missing=0.6, seed=1))
    np.testing.assert_array_equal(build(seed=5).positions, build(seed=5).positions)
    assert len({build(seed=k).positions.tobytes() for k in range(5)}) > 1
    stepped = build(step=0.3)
    edge = (specimen.MARGIN + 0.3 * 240) * specimen.PIXEL
    ce = stepped.positions[np.array(stepped.get_chemical_symbols()) == "Ce"]
    left, right = ce[ce[:, 0] < edge - 1e-6, 1].min(), ce[ce[:, 0] > edge, 1].min()
    assert left - right == pytest.approx(specimen.CEO2 / np.sqrt(3), abs=1e-6)


@pytest.mark.parametrize("change", [{"up": (1, 0, 0)}, {"facets": (1.0, 1.0, 0.0)}])
def test_impossible_structures_get_one_sentence(atoms, change):
    with pytest.raises(InputError, match=r"perpendicular|larger"):
        specimen.particle_on_support(**(TINY | change))


def test_rescale_is_affine_and_fills_the_range():
    image = np.random.default_rng(0).gamma(4.0, size=(50, 60)).astype(np.float32)
    scaled = simulate.rescale(image)
    assert scaled.dtype == np.float32 and scaled.mean() == pytest.approx(0.44, abs=1e-6)
    assert scaled.min() == pytest.approx(0.24) or scaled.max() == pytest.approx(0.75)
    assert scaled.min() >= 0.24 - 1e-6 and scaled.max() <= 0.75 + 1e-6
    assert np.corrcoef(image.ravel(), scaled.ravel())[0, 1] == pytest.approx(1.0)


def test_bundled_files_state_what_this_module_would_make():
    for letter, (structure, contrasts) in bundled.SAMPLES.items():
        for contrast, defocus in contrasts.items():
            about = data.sample_info(f"ptceo2_{letter}_{contrast}")
            stated = {k: tuple(v) if isinstance(v, list) else v for k, v in about["structure"].items()}
            assert stated == structure and about["defocus"] == defocus
            optics = simulate.OPTICS | simulate.ABERRATIONS | {"image_spread": simulate.BLUR}
            assert about["microscope"] == optics and about["phonons"] == simulate.PHONONS
            assert about["pixel_size_nm"] == pytest.approx(specimen.PIXEL / 10)
            assert about["gain_of_rescaling"] > 0 and about["mean_before_rescaling"] > 0
            assert {"offset", "scale", "formula", "software", "units"} <= set(about)
    demo = data.sample_info("demo_noisy")
    assert {k: tuple(demo[k]) if isinstance(demo[k], list) else demo[k] for k in bundled.DEMO} == bundled.DEMO


@pytest.mark.slow
def test_bundled_image_is_computed_again(atoms):
    structure, contrasts = bundled.SAMPLES["c"]
    intensity = simulate.hrtem(
        specimen.particle_on_support(**structure), [contrasts["white"]], seed=structure["seed"]
    )[0]
    before = data.sample("ptceo2_c_white")
    # other versions of numpy or of the FFT may move a value by one of the twelve-bit steps
    step = data.sample_info("ptceo2_c_white")["scale"]
    np.testing.assert_allclose(simulate.rescale(intensity), before, atol=1.01 * step)
