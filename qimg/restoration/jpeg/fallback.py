"""Where the estimator knows nothing better than the file: components that are left as they are decoded.

The prior knows photographs, and its model of chroma ends where a subsampled component is fine. What is compared are
units (`cascade.table_scale`): libjpeg's tables of luma have 1.7 at quality 90, 0.8 at 95 and 0.5 at 97.
"""

import numpy as np

from qimg.images.jpeg.coefficients import Component
from qimg.restoration.jpeg.cascade import table_scale

FINEST = 0.5
"""Below this the model was not fitted."""
SUBSAMPLED = 1.5
"""Below this the error of a subsampled component is what subsampling took, of which nothing is known."""
GRAPHICS = ((1.3, 0.06), (2.0, 0.2))
"""Units below which a share of blocks without detail means a graphic: photographs hardly ever have as many."""


def left_alone(component: Component) -> bool:
    """Whether a component is best left as it is decoded."""
    unit = table_scale(component.table)
    if unit < FINEST or (component.vertical * component.horizontal > 1 and unit < SUBSAMPLED):
        return True
    return any(unit < limit and flat_share(component) > share for limit, share in GRAPHICS)


def flat_share(component: Component) -> float:
    """Share of the blocks whose AC coefficients are all zero."""
    return float(np.mean(~component.coefficients.reshape(-1, 64)[:, 1:].any(axis=1)))
