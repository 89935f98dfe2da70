"""Stacks of images instead of one: the experiments of notebooks 11, 12 and 13.

Each of `characters`, `atoms` and `stand_in` takes a seed and options, and returns what a record says (as
`theory` does: "effect", its standard error "spread", "over_what" and the results behind them; what the clock
said stands under "seconds") and a picture: rows of equally large images. The defaults take minutes on one
core; with ``full`` the autoencoder has the size of the released script's.
"""

from .frames import atoms
from .glyphs import characters
from .pictures import Picture
from .stand_ins import stand_in

__all__ = ["Picture", "atoms", "characters", "stand_in"]
