"""CSS against scikit-image, its blind spot, and the drift that is taken back before."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift
from skimage.metrics import structural_similarity

from n2sr_lib.assess.css import aligned, correlation, css, drift, others
from n2sr_lib.errors import InputError
from n2sr_lib.simulated import scenes

NOISE = np.random.default_rng(0).normal(size=(4, 40, 37))


def test_is_the_similarity_of_neighbours():
    said = css(NOISE, data_range=5.0)
    assert said == pytest.approx(
        [structural_similarity(NOISE[t], NOISE[t - 1], data_range=5.0) for t in (1, 2, 3)]
    )


def test_a_constant_image_scores_best_and_blur_beats_the_truth():
    """What makes CSS blind: the less an estimate says, the better it is."""
    s = scenes.crystal(0, frames=4)

    def score(frames):
        return np.mean(css(frames, data_range=float(np.ptp(frames)) or 1.0))

    blurred = [gaussian_filter(s.frames, (0, width, width)) for width in (1, 2, 4, 30)]
    scores = [score(frames) for frames in (s.frames, *blurred)]
    constant = score(np.full_like(s.frames, 0.7))
    assert constant == 1.0 and max(*scores, score(s.clean)) < constant
    assert score(np.full_like(s.frames, 0.7) + 1e-3 * s.frames[:1]) == 1.0  # the same picture in every frame
    flat = [gaussian_filter(frame, 60, mode="wrap") for frame in s.frames]
    flat = np.stack(flat) - np.mean(flat, axis=(1, 2), keepdims=True)
    assert np.mean(css(flat + 1, data_range=1.0)) > score(s.clean) > scores[0]
    # The constant knows nothing of the other frames, which the truth does.
    means = others(s.frames)

    def agreement(frames):
        return np.mean([correlation(*pair) for pair in zip(frames, means, strict=True)])

    assert agreement(np.full_like(s.frames, 0.7)) == 0
    assert agreement(s.clean) > agreement(s.frames) > 0.05


def test_drift_is_found_and_taken_back():
    rng = np.random.default_rng(1)
    scene = gaussian_filter(rng.normal(size=(90, 80)), 2)
    moves = np.array([(0, 0), (1, -2), (3, -1), (-2, 4)])
    frames = np.stack([scene[10 - i : 70 - i, 12 - j : 62 - j] for i, j in moves])
    noisy = frames + 0.3 * scene.std() * rng.normal(size=frames.shape)
    assert np.array_equal(drift(noisy), moves)
    creep = np.stack([shift(scene, (0.4 * k, 0), mode="grid-wrap") for k in range(6)])
    assert drift(creep)[:, 0].tolist() == [0, 0, 1, 1, 2, 2]  # from frame to frame each would be none
    still = aligned(frames, moves)
    assert still.shape == (4, 60 - 5, 50 - 6) and all(np.array_equal(f, still[0]) for f in still)


def test_the_mean_of_the_others_leaves_the_own_frame_out():
    means = others(NOISE)
    np.testing.assert_allclose(means[0], NOISE[1:].mean(axis=0))
    assert abs(correlation(NOISE[0], means[0])) < 5 / np.sqrt(NOISE[0].size)
    assert correlation(NOISE[0], 3 * NOISE[0] + 2) == pytest.approx(1)
    assert correlation(NOISE[0], 0 * NOISE[1]) == 0
    expected = np.corrcoef(NOISE[0].ravel(), NOISE[1].ravel())[0, 1]
    assert correlation(*NOISE[:2]) == pytest.approx(expected)


def test_refuses_what_has_no_neighbours():
    for frames in (NOISE[0], NOISE[:1]):
        with pytest.raises(InputError, match="T ≥ 2"):
            css(frames, data_range=1.0)
