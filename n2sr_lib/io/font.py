"""Characters drawn with a font that is installed; none is part of this project (see LICENSES.md)."""

import os
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont  # scikit-image brings it

from ..errors import InputError

FONT = Path("fonts/truetype/wqy/wqy-zenhei.ttc")  # where Debian's package fonts-wqy-zenhei puts it
FOLDERS = ("/usr/share", "/usr/local/share", "~/.local/share")
#: Blocks of Unicode: radicals, kana, bopomofo, hangul, ideographs. Those beyond the basic plane, of which the
#: font has some hundreds, are left out.
BLOCKS = ((0x2E80, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF))
NOT_A_CHARACTER = 0xFFFE


def font_file() -> Path:
    """WenQuanYi Zen Hei: the file that ``N2SR_FONT`` names, else where Linux systems have it.

    Raises
    ------
    InputError
        If there is none; it says how to get it.
    """
    named = os.environ.get("N2SR_FONT")
    for path in [Path(named)] if named else [Path(folder).expanduser() / FONT for folder in FOLDERS]:
        if path.is_file():
            return path
    raise InputError(
        "there is no font WenQuanYi Zen Hei; install it (Debian, Ubuntu: apt-get install fonts-wqy-zenhei), "
        "or let N2SR_FONT name the file wqy-zenhei.ttc"
    )


@cache
def characters(
    path: Path | None = None, size: int = 64, blocks: tuple[tuple[int, int], ...] = BLOCKS
) -> tuple[np.ndarray, str]:
    """The unique Chinese, Japanese and Korean characters of a font, drawn at size × size pixels.

    Glyphs that come out alike (a character and its compatibility form) count once, and empty ones not at all.
    Drawing all of them takes half a minute. ``blocks``: first and last code point of each range to look in.

    Returns
    -------
    images : uint8 (N, size, size), 0 … 255, in the order of their code points.
    codes : str, the N characters.

    Raises
    ------
    InputError
        If there is no font, or it cannot be read.
    """
    path = path or font_file()
    try:
        font = ImageFont.truetype(str(path), size=round(0.9 * size), index=0)
    except OSError as error:
        raise InputError(f"{path} cannot be read as a font; give a TrueType or OpenType file") from error

    def draw(code: int) -> Image.Image:
        image = Image.new("L", (size, size))
        ImageDraw.Draw(image).text((size / 2, size / 2), chr(code), fill=255, font=font, anchor="mm")
        return image

    unique = {draw(NOT_A_CHARACTER).tobytes(): ""}  # what the font draws for what it does not have
    for code in (code for first, last in blocks for code in range(first, last + 1)):
        image = draw(code)
        if image.getextrema()[1] > 127:
            unique.setdefault(image.tobytes(), chr(code))
    del unique[draw(NOT_A_CHARACTER).tobytes()]
    images = np.frombuffer(b"".join(unique), np.uint8).reshape(len(unique), size, size)
    return images, "".join(unique.values())
