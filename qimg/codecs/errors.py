"""What goes wrong with a file of the codec."""

import os


class BitstreamError(ValueError):
    """A stream that no encoder wrote, or that was cut or altered; the message says where and what was expected."""

    offset: int | None
    """Byte of the file at which a rule is broken, where it is known."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message if offset is None else f"{message}, at offset {offset}")
        self.offset = offset

    def of_file(self, name: str | os.PathLike[str]) -> "BitstreamError":
        """The same error, with the file's name before the message."""
        named = BitstreamError(f"{os.fspath(name)}: {self}")
        named.offset = self.offset
        return named


class PartialPictureWarning(UserWarning):
    """A progressive file was cut: the picture is what its beginning holds."""
