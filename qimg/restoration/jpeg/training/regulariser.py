"""Negative log-likelihood of patches under the prior, as a differentiable function."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from qimg.images.jpeg.blocks import BLOCK, DCT
from qimg.prior import GaussianMixture
from qimg.restoration.jpeg.network.architecture import to_blocks


class Regulariser(nn.Module):
    """Mean of −ln p(patch) / 63 in nats per coefficient, over the 8×8 patches on the grid and shifted by 4.

    Exact under mixtures of zero-mean Gaussians over the 63 AC coefficients of patches (`patch8` of a prior).
    """

    def __init__(self, mixtures: Sequence[GaussianMixture], mixture_of: Sequence[int]) -> None:
        """Create the regulariser; `mixture_of` is the index of the mixture for each picture."""
        super().__init__()
        self.mixture_of = nn.Buffer(torch.tensor(mixture_of))
        whitening, constants = (
            nn.Buffer(torch.from_numpy(np.array(parts, np.float32)))
            for parts in zip(*((one.whitening, one._constants) for one in mixtures), strict=True)
        )
        self.whitening, self.constants = whitening, constants
        self.transform = nn.Buffer(torch.from_numpy(DCT[1:].T.copy()))

    def forward(self, planes: Tensor, pictures: Tensor) -> Tensor:
        """Negative log-likelihood in nats per coefficient.

        Args:
            planes: (B, 1, H, W) code values.
            pictures: (B,) number of the picture of each.
        """
        half, chosen = BLOCK // 2, self.mixture_of[pictures]
        moved = torch.roll(planes, (-half, -half), dims=(2, 3))[..., :-BLOCK, :-BLOCK]
        vectors = torch.cat([to_blocks(planes), to_blocks(moved)], dim=1) @ self.transform  # (B, n, 63)
        white = vectors[:, None] @ self.whitening[chosen].transpose(2, 3)  # (B, K, n, 63)
        joint = self.constants[chosen][..., None] - 0.5 * white.square().sum(dim=3)
        return -torch.logsumexp(joint, dim=1).mean() / vectors.shape[2]
