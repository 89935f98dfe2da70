"""Training strategies: what is fed, what is compared with what, and how a trained network predicts.

A strategy is any object with

- ``loss(network, y, kept, generator) -> (loss, held_out)`` for a batch of crops ``y`` (B, 1, H, W) and the
  map ``kept`` of the same shape: 1 where a pixel may be a target, 0 where it is held out. ``held_out`` is the
  same error on the held-out pixels, without gradient; NaN where none was met;
- ``predict(network, y, generator) -> Prediction`` for one noisy image (1, 1, H, W);
- ``multiple``: crops and images are cut or padded to a multiple of it;
- ``s``, only where the network's output is s times as large as its input; ``M``, only where the estimate is a
  mean over M passes; ``a``, ``b`` and ``normalised(mean, deviation)``, only where it has to know the noise;
- ``calibrated(y)``, only where it also measures something on the whole noisy image (ndarray) before that;
- ``also``, only where there are other ways to predict that are scored too: their name -> strategy;
- ``takes``, only where it is trained on other than noisy images: ``"clean"``, and ``y`` above is x; or
  ``"pair"``, and ``y`` is two noisy images of one x, (B, 2, H, W).

It knows nothing of files, devices, schedules and progress bars.
"""

from typing import NamedTuple

from torch import Tensor


class Prediction(NamedTuple):
    """What a strategy says of one image; each Tensor (H, W), float32.

    image : the estimate of x.
    spread : standard deviation over the repeated passes (0 for a single one): a spread, not a confidence
        interval.
    out_of_bag : the mean over the passes that did not see the pixel, NaN where there was none; None for a
        strategy that has no such thing.
    """

    image: Tensor
    spread: Tensor
    out_of_bag: Tensor | None = None
