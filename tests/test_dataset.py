"""The simulated training set: file, parts, resuming; with abTEM also the images."""

import json

import h5py
import numpy as np
import pytest

from n2sr_lib import data, dataset, particles, simulate, specimen, training_set
from n2sr_lib.errors import InputError


def fake_structure(seed, k, each, side=16):
    """Images that tell where they come from, without abTEM."""
    rng = np.random.default_rng([seed, k])
    images = rng.integers(0, particles.LEVELS + 1, (each, side, side)).astype(np.uint16)
    return images, {"formula": f"Pt{k}", "images": [{"C10": float(i)} for i in range(each)]}


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(particles, "simulate_structure", fake_structure)
    monkeypatch.setattr(dataset, "_constants", dict)
    monkeypatch.setattr(specimen, "packages", lambda: None)


@pytest.fixture
def made(fake, tmp_path):
    return dataset.make(tmp_path / "set.h5", 12, 3, progress=False)


def test_structures_do_not_depend_on_their_number_but_on_the_seed():
    drawn = [particles.draw_structure(0, k) for k in range(60)]
    assert len({json.dumps(one) for one in drawn}) == 60
    assert particles.draw_structure(0, 7) == drawn[7] != particles.draw_structure(1, 7)
    assert {one["beam"] for one in drawn} == {beam for beam, _, _ in particles.ORIENTATIONS}
    for beam, up, along in particles.ORIENTATIONS:
        assert all(np.dot(beam, direction) == 0 for direction in (up, *along))
    # The particle stands on the upper terrace.
    assert all(one["step"] is None or one["step"] < one["position"] for one in drawn)


def test_every_structure_is_seen_at_all_defoci():
    tilt, images, shares = particles.draw_imaging(0, 5, 8)
    low, high = particles.DEFOCUS
    assert [int((-one["C10"] - low) // ((high - low) / 8)) for one in images] == list(range(8))
    assert np.hypot(*tilt) <= 20
    assert len({one["phi12"] for one in images}) == len(set(shares)) == 8


def test_what_is_loaded_is_what_was_simulated(made):
    for split, members in (("train", range(10)), ("val", [10]), ("test", [11])):
        images = training_set.load(split, made)
        assert images.dtype == np.float32 and images.shape == (3 * len(members), 16, 16)
        values = np.concatenate([fake_structure(0, k, 3)[0] for k in members])
        np.testing.assert_allclose(images, 0.24 + 0.51 * values / 4095, atol=1e-6)


def test_no_structure_is_in_two_parts(made):
    manifest = training_set.read_manifest(made)
    places = {split: set(training_set.of_split(split, made) // 3) for split in particles.SPLITS}
    assert sum(len(p) for p in places.values()) == len(manifest["structures"]) == 12
    for split, members in places.items():
        assert {entry["k"] for entry in manifest["structures"] if entry["split"] == split} == members


def test_a_few_images_are_spread_over_the_part(made):
    few = training_set.load("train", made, most=10)
    np.testing.assert_array_equal(few, training_set.load("train", made)[::3])


def test_an_interrupted_run_goes_on(made, monkeypatch, tmp_path):
    calls = []

    def stops(seed, k, each):
        calls.append(k)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return fake_structure(seed, k, each)

    monkeypatch.setattr(particles, "simulate_structure", stops)
    again = tmp_path / "again.h5"
    with pytest.raises(KeyboardInterrupt):
        dataset.make(again, 12, 3, progress=False)
    assert not again.exists()
    with pytest.raises(InputError, match="left by another set"):
        dataset.make(again, 12, 4, progress=False)
    dataset.make(again, 12, 3, progress=False)
    assert calls == [*range(8), *range(7, 12)]
    assert again.read_bytes() == made.read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".h5"]


def test_a_finished_set_is_not_made_again(made, monkeypatch):
    monkeypatch.setattr(particles, "simulate_structure", None)
    assert dataset.make(made, 12, 3, progress=False) == made
    with pytest.raises(InputError, match="is another set"):
        dataset.make(made, 12, 3, seed=1, progress=False)


def test_subset_holds_the_same_pixels_of_every_structure(made, tmp_path):
    whole = h5py.File(made)["images"]
    one = whole.id.get_chunk_info(0).size
    room = 2**20 + len(h5py.File(made)["manifest"][()]) + 20 * one
    subset = tmp_path / "subset.h5"
    count = dataset.write_subset(subset, made, room)
    assert 12 < count <= 21 and subset.stat().st_size < room
    manifest = training_set.read_manifest(subset)
    assert sum(len(entry["images"]) for entry in manifest["structures"]) == count
    k = 0
    for i, entry in enumerate(manifest["structures"]):
        assert entry["images"]
        for image in entry["images"]:
            place = 3 * i + int(image["C10"])
            np.testing.assert_array_equal(h5py.File(subset)["images"][k], whole[place])
            k += 1
    assert len(training_set.load("val", subset)) == len(manifest["structures"][10]["images"])


def test_one_image_of_the_set_of_the_tables_only(made, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="not the set of the tables"):
        training_set.image(11, 1, made)
    monkeypatch.setattr(particles, "STRUCTURES", 12)
    monkeypatch.setattr(particles, "EACH", 3)
    np.testing.assert_array_equal(training_set.image(11, 1, made), training_set.load("test", made)[1])
    with pytest.raises(InputError, match="no image 11/3"):
        training_set.image(11, 3, made)
    subset = tmp_path / "subset.h5"
    dataset.write_subset(subset, made, 2**20 + len(h5py.File(made)["manifest"][()]) + 3000)
    with pytest.raises(InputError, match="a part of it"):
        training_set.check_whole(subset)


def test_unusable_files_and_parts(made, tmp_path):
    with pytest.raises(InputError, match=r"python -m n2sr_lib\.dataset"):
        training_set.load("train", tmp_path / "nowhere.h5")
    (tmp_path / "bad.h5").write_bytes(made.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged"):
        training_set.load("train", tmp_path / "bad.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="no training set"):
        training_set.read_manifest(tmp_path / "foreign.h5")
    with pytest.raises(InputError, match="no part 'all'"):
        training_set.load("all", made)
    small = dataset.make(tmp_path / "small.h5", 3, 1, progress=False)
    with pytest.raises(InputError, match="twelve"):
        training_set.load("test", small)
    with pytest.raises(InputError, match="at least 1"):
        dataset.make(tmp_path / "none.h5", 0)


def test_command(fake, tmp_path, capsys):
    out, subset = tmp_path / "a.h5", tmp_path / "b.h5"
    call = ["--structures", "12", "--each", "2", "--out", str(out)]
    assert dataset.main([*call, "--subset", str(subset)]) == 0
    assert capsys.readouterr().out.count("train 20, val 2, test 2") == 2
    assert dataset.main([*call, "--seed", "1"]) == 1
    assert "another set" in capsys.readouterr().err


@pytest.fixture(scope="module")
def tiny():
    pytest.importorskip("abtem", reason="the extra sim is not installed")
    return {"each": 2, "side": 200, "phonons": 1}


def test_nothing_is_read_from_the_test_images(tiny, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the training set must not look at any image")

    for module, name in ((data, "fetch"), (data, "sample"), (data.tifffile, "imread"), (np, "load")):
        monkeypatch.setattr(module, name, refuse)
    values, entry = particles.simulate_structure(0, 4, **tiny)
    again, same = particles.simulate_structure(0, 4, **tiny)
    np.testing.assert_array_equal(values, again)
    assert entry == same
    images = 0.24 + 0.51 * values / 4095
    np.testing.assert_allclose(images.mean(axis=(1, 2)), 0.44, atol=1e-4)
    assert values.shape == (2, 200, 200)
    above, below = (images.max(axis=(1, 2)) - 0.44) / 0.31, (0.44 - images.min(axis=(1, 2))) / 0.2
    shares = [image["share"] for image in entry["images"]]
    np.testing.assert_allclose(np.maximum(above, below), shares, atol=1e-3)


@pytest.mark.slow
def test_processes_side_by_side_make_the_same_set(tiny, tmp_path):
    one, two = (dataset.make(tmp_path / f"{j}.h5", 2, jobs=j, progress=False, **tiny) for j in (1, 2))
    assert one.read_bytes() == two.read_bytes()


def test_contrast_tells_white_from_black(tiny):
    atoms = specimen.particle_on_support(facets=(5.5, 5.2, 2.5), surface=0.8, thickness=6.0, shape=(340, 240))
    white, black = simulate.hrtem(atoms, [-100.0, 0.0], phonons=1)
    assert particles.contrast(white, atoms) > 0.5 and particles.contrast(black, atoms) < -0.5
    assert particles.contrast(-white, atoms) == pytest.approx(-particles.contrast(white, atoms), rel=1e-4)
