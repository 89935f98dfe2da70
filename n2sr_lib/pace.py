"""How many steps of a training fit into a time."""

FROM = 3  # the first steps are slower: kernels are chosen and memory is taken
LEAST = 6  # steps that are timed
PART = 0.05  # of the time is spent on timing, at most, if that holds so many


class Pace:
    """Times the first steps until it can say how many fit into a budget.

    Parameters
    ----------
    seconds : of the whole training.
    rise : steps in which the learning rate rises. What follows depends on the number of all steps, so it has
        to be known by then (or after FROM + LEAST steps).
    """

    def __init__(self, seconds: float, rise: int):
        self.seconds, self.rise, self.begin = seconds, rise, 0.0

    def steps(self, step: int, elapsed: float) -> int | None:
        """The number of all steps, more than `step`, or None as long as it is not known.

        Parameters
        ----------
        step : steps done so far; to be called before each of them.
        elapsed : seconds since the beginning, all that was started in them being done.
        """
        if step == FROM:
            self.begin = elapsed
        if step < FROM + LEAST or (step < self.rise and elapsed < PART * self.seconds):
            return None
        each = (elapsed - self.begin) / (step - FROM)
        return step + max(int((self.seconds - elapsed) / each), 1)
