"""Representations by name: those of qimg, and those of the user's own that were registered or imported."""

from circuits.representation.definitions.amplitude import AMPLITUDE
from circuits.representation.definitions.dct import DCT
from circuits.representation.definitions.frqci import FRQCI
from circuits.representation.definitions.frqi import FRQI
from circuits.representation.definitions.ifrqi import IFRQI
from circuits.representation.definitions.ineqr import INEQR
from circuits.representation.definitions.mcrqi import MCRQI
from circuits.representation.definitions.neqr import NEQR
from circuits.representation.protocol import EncodedImage, Representation
from qimg.core import ArgumentError, one_of
from qimg.core.import_names import imported_object, is_import_name

REPRESENTATIONS: dict[str, Representation] = {
    one.name: one for one in (AMPLITUDE, DCT, FRQI, MCRQI, FRQCI, NEQR, INEQR, IFRQI)
}
"""Representations by their names in `encode_image`."""

BUILT_IN = tuple(REPRESENTATIONS)
"""Names of the representations of qimg."""

WITH_INTERVALS = tuple(name for name, one in REPRESENTATIONS.items() if one.has_intervals)
"""Names of the representations of qimg with confidence intervals of the picture's pixels."""


def representation_of(what: str | EncodedImage) -> Representation:
    """The representation of a name, of an import name (`module:object`), or of an encoded picture.

    An object that is imported for the first time is tried and registered under its own name, as by
    `register_representation`.

    Raises:
        ValueError: there is no such representation, or the object breaks the contract.
    """
    name = what if isinstance(what, str) else what.representation
    if name in REPRESENTATIONS or not is_import_name(name):
        return REPRESENTATIONS[one_of("representation", name, REPRESENTATIONS)]
    from circuits.representation.trial import register_representation  # which encodes and decodes through this module

    found = imported_object(name)
    if isinstance(found, Representation) and REPRESENTATIONS.get(found.name) is found:
        return found
    try:
        return register_representation(found)
    except ArgumentError as error:
        raise error.of_file(name) from None
