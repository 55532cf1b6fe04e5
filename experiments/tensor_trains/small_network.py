"""A small convolutional network in PyTorch, the baseline of classifiers."""

from collections.abc import Callable, Sequence
from math import ceil

import numpy as np

from experiments._run import Array


def network_predictions(
    train: Array, labels: Array, asked: Sequence[Array], *, classes: int, seen: int, seed: int
) -> tuple[list[Array], int]:
    """Predicted labels of several collections of pictures, and the number of weights; arguments of `trained_network`.

    Args:
        train: (n, height, width) pictures in [0, 1].
        labels: (n,) numbers of the classes.
        asked: collections of pictures.
        classes: number of classes.
        seen: pictures of all steps together.
        seed: of weights and batches.
    """
    predict, weights = trained_network(train, labels, classes=classes, seen=seen, seed=seed)
    return [predict(own) for own in asked], weights


def trained_network(
    train: Array, labels: Array, *, classes: int, seen: int, seed: int
) -> tuple[Callable[[Array], Array], int]:
    """A trained network, as a function from pictures to predicted labels, and the number of its weights.

    Two convolutions 3×3 of 16 and 32 channels, each with a maximum over 2×2, and one linear layer; Adam with the
    learning rate 0.003 falling to zero, in batches of 250.

    Args:
        train: (n, height, width) pictures in [0, 1].
        labels: (n,) numbers of the classes.
        classes: number of classes.
        seen: pictures of all steps together.
        seed: of weights and batches.
    """
    import torch
    from torch import nn

    height, width = (ceil(ceil(length / 2) / 2) for length in train.shape[1:])
    batch = min(250, len(train))
    steps = max(1, seen // batch)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Flatten(),
            nn.Linear(32 * height * width, classes),
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        pictures, targets = torch.from_numpy(train[:, None]), torch.from_numpy(labels.astype(np.int64))
        order = torch.randperm(len(train))
        for step in range(steps):
            first = step * batch % len(train)
            if first + batch > len(train) or step == 0:
                order, first = torch.randperm(len(train)), 0
            chosen = order[first : first + batch]
            loss = nn.functional.cross_entropy(network(pictures[chosen]), targets[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()

    def predict(pictures: Array) -> Array:
        with torch.no_grad():
            parts = torch.split(torch.from_numpy(pictures[:, None]), 1000)
            return np.concatenate([network(part).argmax(dim=1).numpy() for part in parts])

    return predict, sum(weights.numel() for weights in network.parameters())
