"""How many steps fit into a time: told in time, and by steps as they will be."""

import pytest

from n2sr_lib.pace import FROM, LEAST, PART, Pace


def told(seconds, rise, each, first=0.0):
    """Step at which the number is known, and the number, where the first step takes longer by `first`."""
    pace = Pace(seconds, rise)
    for step in range(10_000):
        if known := pace.steps(step, step * each + (first if step else 0.0)):
            return step, known


@pytest.mark.parametrize(
    ("seconds", "each", "known_at"),
    [
        (1000.0, 0.5, 50),  # at the end of the rise
        (100.0, 0.5, 10),  # after a twentieth of the time
        (5.0, 0.5, FROM + LEAST),  # not before so many are timed
    ],
)
def test_known_in_time(seconds, each, known_at):
    step, steps = told(seconds, 50, each)
    assert step == known_at and steps == max(seconds / each, step + 1)


def test_first_steps_do_not_count_but_their_time_does():
    assert told(100.0, 50, 0.5, first=20.0)[1] == (100 - 20) / 0.5


def test_no_time_is_one_more_step():
    assert told(-3.0, 50, 0.5) == (FROM + LEAST, FROM + LEAST + 1)


def test_without_a_rise():
    assert told(1000.0, 0, 0.5) == (FROM + LEAST, 2000)


def test_a_moment_of_other_work_weighs_little():
    """Six steps at half the speed, as on a machine that does something else for a moment."""
    pace, elapsed, known = Pace(900.0, 50), 0.0, None
    for step in range(100):
        if known := pace.steps(step, elapsed):
            break
        elapsed += 2.0 if step in range(3, 9) else 1.0
    assert elapsed >= PART * 900 and known == pytest.approx(900, rel=0.15)
