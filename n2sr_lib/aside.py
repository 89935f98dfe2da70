"""What a sampled pixel tells of besides itself: its neighbours if noise is correlated, and what it copies."""

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


def originals_aside(mask: Tensor, height: int, width: int) -> Tensor:
    """The mask m_J (B, H, W) of an image padded by reflection at its lower right, cut back to height × width.

    A pixel was seen where its copy beyond the border was sampled.
    """
    mask = mask.clone()
    for k in range(1, mask.shape[-2] - height + 1):
        mask[:, height - 1 - k] *= mask[:, height - 1 + k]
    for k in range(1, mask.shape[-1] - width + 1):
        mask[..., width - 1 - k] *= mask[..., width - 1 + k]
    return mask[:, :height, :width]
