"""For noise that is correlated along the scan lines: neighbours of a sampled pixel are no targets."""

from torch import Tensor, maximum
from torch.nn.functional import max_pool2d


def keep_aside(mask: Tensor, arm: int) -> Tensor:
    """The mask m_J (B, 1, H, W) less the pixels up to `arm` along a row or a column from a sampled one.

    Along both, since a flip or quarter turn of the image may lay the scan lines either way.
    """
    if arm == 0:
        return mask
    rows = max_pool2d(1 - mask, (1, 2 * arm + 1), 1, (0, arm))
    columns = max_pool2d(1 - mask, (2 * arm + 1, 1), 1, (arm, 0))
    return 1 - maximum(rows, columns)
