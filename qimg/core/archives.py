"""Reading of `.npz` archives of other hands: nothing is executed, and no more memory is taken than the file holds."""

import io
import math
import zipfile
from collections.abc import Iterable

import numpy as np

from qimg.core.arguments import Array

_LARGEST_HEADER = 10_000  # bytes, NumPy's own limit


def read_npz(content: bytes, names: Iterable[str]) -> dict[str, Array]:
    """The named arrays of an archive that `numpy.savez` wrote.

    Compressed members are refused, since their announced sizes bear no relation to the size of the file.

    Raises:
        ValueError: a member is compressed, occurs twice, or holds objects or another number of bytes than its shape
            and type need.
        KeyError: a member is missing.
        zipfile.BadZipFile: the archive is damaged. Damaged members raise further types of errors.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.namelist()
        if len(set(members)) != len(members):
            raise ValueError("a member occurs twice")
        return {name: _array(name, archive) for name in names}


def _array(name: str, archive: zipfile.ZipFile) -> Array:
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        raise ValueError(f"{name} must not be compressed")
    content = archive.read(member)
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, fortran, dtype = readers[version](stream, max_header_size=_LARGEST_HEADER)
    if dtype.hasobject:
        raise ValueError(f"{name} must not hold objects")
    start, count = stream.tell(), math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(content) - start:
        raise ValueError(f"{name} must hold {count} numbers of type {dtype}, but has {len(content) - start} bytes")
    flat = np.frombuffer(content, dtype, count, start) if count else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if fortran else "C").copy()
