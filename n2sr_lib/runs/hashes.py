"""One hash for equal content, however it is written."""

import hashlib
import json


def canonical(value) -> str:
    """JSON that is the same for equal content: sorted names, no blanks, 1.0 written as 1."""

    def plain(v):
        if isinstance(v, dict):
            return {str(k): plain(u) for k, u in v.items()}
        if isinstance(v, list | tuple):
            return [plain(u) for u in v]
        return int(v) if isinstance(v, float) and v.is_integer() else v

    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256(value) -> str:
    """SHA-256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
