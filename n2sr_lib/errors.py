"""The one exception for input that cannot be used; its message is a single sentence for the user."""


class InputError(ValueError):
    """Something the user gave cannot be used; the message says what is wrong and what to do."""
