"""Small networks that the customer models train with torch. Arrays in, arrays out: what is learned is kept and used
without torch, so a saved model needs only numpy.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np

Weights = Mapping[str, np.ndarray]
DROPPED = 0.2  # share of a sequence's summary that is hidden in each step of learning


def train_autoencoder(rows: Any, *, hidden: int = 48, steps: int = 200, seed: int = 7) -> Weights:
    """A denoising autoencoder with a multinomial likelihood (Liang et al., WWW 2018, arXiv:1802.05814, Mult-DAE).

    ``rows`` is a sparse (n, p) matrix of what customers bought. Each step hides half of each row and learns to name
    the whole of it. Returns ``into`` (p, hidden), ``into_bias``, ``out`` (hidden, p), ``out_bias``.
    """
    import torch

    random = np.random.default_rng(seed)
    with _one_thread(), _seeded(seed):
        into, out = torch.nn.Linear(rows.shape[1], hidden), torch.nn.Linear(hidden, rows.shape[1])
        parameters = [*into.parameters(), *out.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=1e-2)
        keep = np.flatnonzero(np.diff(rows.indptr) > 0)
        for _ in range(steps if len(keep) else 0):
            batch = rows[random.choice(keep, min(256, len(keep)), replace=False)].toarray()
            whole = torch.from_numpy(batch.astype(np.float32))
            seen = torch.nn.functional.dropout(_unit(whole), 0.5)
            loss = -(torch.log_softmax(out(torch.tanh(into(seen))), 1) * whole).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        return {
            "into": into.weight.numpy().T.copy(),
            "into_bias": into.bias.numpy().copy(),
            "out": out.weight.numpy().T.copy(),
            "out_bias": out.bias.numpy().copy(),
        }


def autoencode(weights: Weights, rows: np.ndarray) -> np.ndarray:
    """(n, p) probabilities of the next product, by :func:`train_autoencoder`'s weights, for rows (n, p)."""
    length = np.sqrt((rows**2).sum(1, keepdims=True))
    rows = rows / np.where(length > 0, length, 1.0)
    z = np.tanh(rows @ weights["into"] + weights["into_bias"]) @ weights["out"] + weights["out_bias"]
    z = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(z / z.sum(1, keepdims=True))


def train_sequences(
    events: np.ndarray, y: np.ndarray, *, hidden: int = 16, steps: int = 300, seed: int = 0
) -> Weights:
    """A gated recurrent unit (Cho et al. 2014, arXiv:1406.1078) that reads what happened step by step.

    ``events`` is (n, steps, channels), oldest first, ``y`` (n,) 0 or 1. Learns in ``steps`` batches of 128 rows,
    so that a large table takes no longer than a small one.
    """
    import torch

    random = np.random.default_rng(seed)
    mean, sd = events.mean((0, 1)), events.std((0, 1)) + 1e-6
    x = torch.from_numpy(((events - mean) / sd).astype(np.float32))
    truth = torch.from_numpy(y.astype(np.float32))
    with _seeded(seed):
        reader, last = torch.nn.GRU(events.shape[2], hidden, batch_first=True), torch.nn.Linear(hidden, 1)
    # random numbers of its own, so that several can learn at the same time
    chance = torch.Generator().manual_seed(seed)
    with _one_thread():
        optimiser = torch.optim.AdamW([*reader.parameters(), *last.parameters()], lr=1e-2, weight_decay=1e-2)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps + 1)
        for _ in range(steps):
            part = random.choice(len(y), min(128, len(y)), replace=False)
            state = reader(x[part])[1][0]
            state = state * (torch.rand(state.shape, generator=chance) >= DROPPED) / (1 - DROPPED)
            logit = last(state)[:, 0]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, truth[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
    with torch.no_grad():
        named = {name: value.numpy().copy() for name, value in reader.named_parameters()}
        return {
            "mean": mean,
            "sd": sd,
            "read": named["weight_ih_l0"].T,
            "read_bias": named["bias_ih_l0"],
            "keep": named["weight_hh_l0"].T,
            "keep_bias": named["bias_hh_l0"],
            "last": last.weight.numpy()[0].copy(),
            "last_bias": last.bias.numpy().copy(),
        }


def read_sequences(weights: Weights, events: np.ndarray) -> np.ndarray:
    """(n,) log-odds by :func:`train_sequences`'s weights."""
    x = (events - weights["mean"]) / weights["sd"]
    h = np.zeros((len(x), len(weights["last"])))
    for step in range(x.shape[1]):
        reset_in, update_in, new_in = np.split(x[:, step] @ weights["read"] + weights["read_bias"], 3, axis=1)
        reset_h, update_h, new_h = np.split(h @ weights["keep"] + weights["keep_bias"], 3, axis=1)
        reset, update = _sigmoid(reset_in + reset_h), _sigmoid(update_in + update_h)
        h = (1 - update) * np.tanh(new_in + reset * new_h) + update * h
    return np.asarray(h @ weights["last"] + weights["last_bias"][0])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -40, 40)))


def _unit(rows: Any) -> Any:
    import torch

    return torch.nn.functional.normalize(rows, dim=1)


_random = Lock()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The same weights each time, and the random numbers of everybody else left as they were."""
    import torch

    with _random:
        state = torch.get_rng_state()
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_rng_state(state)


_threads = Lock()
_learning = 0
_usual = 0


@contextmanager
def _one_thread() -> Iterator[None]:
    """More threads only wait for each other in networks this small. Several may learn at once: each gives back the
    number that the first found, as a later one finds the first's 1.
    """
    import torch

    global _learning, _usual
    with _threads:
        if not _learning:
            _usual = torch.get_num_threads()
        _learning += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _threads:
            _learning -= 1
            torch.set_num_threads(_usual)
