"""Errors and warnings about the files of a codec."""

import os


class BitstreamError(ValueError):
    """A stream that no encoder wrote, or that was cut or altered; the message names the offset and the rule."""

    offset: int | None
    """Byte of the file at which a rule is broken; None if unknown."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message if offset is None else f"{message}, at offset {offset}")
        self.offset = offset

    def of_file(self, name: str | os.PathLike[str]) -> "BitstreamError":
        """The same error, with the file's name before the message."""
        named = BitstreamError(f"{os.fspath(name)}: {self}")
        named.offset = self.offset
        return named


class PartialPictureWarning(UserWarning):
    """A progressive file was cut; the picture comes from its beginning."""
