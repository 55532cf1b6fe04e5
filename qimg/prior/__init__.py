"""The prior: second moments and mixtures of natural-image patches, fitted once and stored in one file."""

from qimg.prior.fitting.maximization import fit_mixture
from qimg.prior.fitting.passes import fit
from qimg.prior.fitting.recipe import Recipe
from qimg.prior.joint import JointMixture
from qimg.prior.jpeg_pairs import JpegPair, joint_operator, pairs
from qimg.prior.mixture import GaussianMixture
from qimg.prior.model import MissingPartError, Prior, load
from qimg.prior.sampling import sample
from qimg.prior.views import View

__all__ = [
    "GaussianMixture",
    "JointMixture",
    "JpegPair",
    "MissingPartError",
    "Prior",
    "Recipe",
    "View",
    "fit",
    "fit_mixture",
    "joint_operator",
    "load",
    "pairs",
    "sample",
]
