"""Read one micrograph from a file; write an image back with its pixel size.

TIFF, PNG, NPY and NPZ are read directly; DM3/DM4, EMD, SER/EMI, MRC and HSPY through RosettaSciIO (the
extra ``em``). Whatever goes wrong, the caller gets one sentence (`InputError`): readers fail in many ways on
a damaged file, some of them by returning a part of it. No pickled object is ever loaded.
"""

from .find import default_folder, default_output, find_images, stems
from .read import Micrograph, read, read_frames
from .write import WRITABLE, check_writable, write

__all__ = ["WRITABLE", "Micrograph", "check_writable", "default_folder", "default_output", "find_images"]
__all__ += ["read", "read_frames", "stems", "write"]
