"""Components that are left as decoded, because no estimate is better.

The prior is a model of photographs, and it does not describe finely quantized subsampled chroma. The criterion is the
scale of the table (`cascade.table_scale`): 1.7 for libjpeg's luma at quality 90, 0.8 at 95, 0.5 at 97.
"""

import numpy as np

from qimg.images.jpeg.coefficients import Component
from qimg.restoration.jpeg.cascade import table_scale

FINEST = 0.5
"""Table scale below which the model was not fitted."""
SUBSAMPLED = 1.5
"""Table scale below which subsampling dominates the error of a subsampled component; the prior does not model it."""
GRAPHICS = ((1.3, 0.06), (2.0, 0.2))
"""Table scales below which a larger share of flat blocks indicates a graphic; it is rare in photographs."""


def best_as_decoded(component: Component) -> bool:
    """Whether a component is left as decoded."""
    scale = table_scale(component.table)
    if scale < FINEST or (component.vertical * component.horizontal > 1 and scale < SUBSAMPLED):
        return True
    return any(scale < limit and flat_share(component) > share for limit, share in GRAPHICS)


def flat_share(component: Component) -> float:
    """Share of the blocks whose AC coefficients are all zero."""
    return float(np.mean(~component.coefficients.reshape(-1, 64)[:, 1:].any(axis=1)))
