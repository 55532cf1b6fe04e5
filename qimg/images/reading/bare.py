"""Files without their metadata, so that damaged metadata cannot keep a decoder from the pixels."""

from qimg.images.reading.headers import jpeg_segments


def bare(form: str, content: bytes) -> bytes:
    """A JPEG or AVIF file without metadata; other files as they are, because Pillow parses their metadata on demand."""
    if form == "JPEG":
        return _bare_jpeg(content)
    if form == "AVIF":
        # The type of the item that holds EXIF, in the boxes before the data; items of unknown types are ignored.
        boxes = content.find(b"mdat")
        return content[:boxes].replace(b"Exif", b"skip") + content[boxes:] if boxes > 0 else content
    return content


def _bare_jpeg(content: bytes) -> bytes:
    """A JPEG file with those segments that define pixels: all but comments and applications, except JFIF and Adobe."""
    segments = jpeg_segments(content)
    if not segments:
        return content
    parts = [content[:2]]
    for one in segments:
        is_application = 0xE0 <= one.marker <= 0xEF or one.marker == 0xFE
        is_jfif = one.marker == 0xE0 and content[one.data : one.data + 5] == b"JFIF\0"
        if not is_application or ((is_jfif or one.marker == 0xEE) and one.end - one.data >= 12):
            parts.append(content[one.start : one.end])
    return b"".join([*parts, content[segments[-1].end :]])
