"""Run a network over a large image tile by tile, so that memory does not grow with the image."""

from collections.abc import Callable

import torch
from torch import Tensor


def tiled(network: Callable[[Tensor], Tensor], tile: int, overlap: int, align: int = 32) -> Callable:
    """Wrap a network so that it sees at most ``tile + 2·overlap`` pixels of its input at a time.

    Parameters
    ----------
    network : (B, C, h, w) -> (B, C', k·h, k·w) for any whole k.
    tile : side of the part that is kept of each pass, in pixels of the network's input.
    overlap : pixels seen around each tile and thrown away, so that its borders do not show.
    align : tiles start at multiples of it; a multiple of the network's total pooling (32 for five 2×2
        poolings), since otherwise the pooling grid would shift and the result with it. For a transformer
        the result of an image larger than a tile is another one: windows shift, attention sees the tile.

    Returns
    -------
    A function of the same shape contract. An input that fits into one tile is passed on whole.
    """
    tile, overlap = (-(-n // align) * align for n in (tile, overlap))

    def run(x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        if max(h, w) <= tile + 2 * overlap:
            return network(x)
        out = None
        for top in range(0, h, tile):
            for left in range(0, w, tile):
                t0, l0 = max(top - overlap, 0), max(left - overlap, 0)
                t1, l1 = min(top + tile, h), min(left + tile, w)
                piece = network(x[..., t0 : t1 + overlap, l0 : l1 + overlap])
                k = piece.shape[-1] // (min(l1 + overlap, w) - l0)
                if out is None:
                    out = torch.empty(*piece.shape[:2], k * h, k * w, dtype=piece.dtype, device=piece.device)
                out[..., k * top : k * t1, k * left : k * l1] = piece[
                    ..., k * (top - t0) : k * (t1 - t0), k * (left - l0) : k * (l1 - l0)
                ]
        return out

    return run
