"""The small networks: they learn what is there, the same each time, and are used without torch."""

import threading

import numpy as np
import scipy.sparse as sp
import torch

from assistant.language import networks
from assistant.language.networks import autoencode, read_sequences, train_autoencoder, train_sequences


def shop():
    """Customers of two kinds, each buying from its own half of ten products."""
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 200)
    rows = random.random((200, 10)) < np.where(np.arange(10)[None, :] // 5 == kind[:, None], 0.6, 0.02)
    return sp.csr_matrix(rows.astype(np.float32))


def test_an_autoencoder_names_the_rest_of_a_basket_the_same_each_time():
    weights = train_autoencoder(shop(), hidden=8, steps=150)
    p = autoencode(weights, np.eye(10))
    assert np.allclose(p.sum(1), 1)
    for product in range(10):
        others = [q for q in range(10) if q != product]
        near = [q for q in others if q // 5 == product // 5]
        assert p[product, near].sum() > 0.8 * p[product, others].sum()
    again = train_autoencoder(shop(), hidden=8, steps=150)
    assert all(np.array_equal(weights[k], again[k]) for k in weights)


def test_a_sequence_model_reads_order_not_only_counts():
    random = np.random.default_rng(0)
    events = np.zeros((600, 12, 2), np.float32)
    early = random.random(600) < 0.5
    events[np.arange(600), np.where(early, 2, 9), 0] = 1.0  # the same count, at another time
    events[:, :, 1] = random.normal(size=(600, 12))
    weights = train_sequences(events, early.astype(int), hidden=8)
    logit = read_sequences(weights, events)
    assert ((logit > 0) == early).mean() > 0.95


def test_used_without_torch_it_is_what_torch_computes():
    random = np.random.default_rng(1)
    events, y = random.normal(size=(50, 5, 3)).astype(np.float32), random.integers(0, 2, 50)
    before = torch.get_rng_state()
    weights = train_sequences(events, y, hidden=4, steps=2)
    assert torch.equal(before, torch.get_rng_state())
    reader = torch.nn.GRU(3, 4, batch_first=True)
    with torch.no_grad():
        for name, key in (("weight_ih_l0", "read"), ("weight_hh_l0", "keep")):
            getattr(reader, name).copy_(torch.from_numpy(np.ascontiguousarray(weights[key].T)))
        for name, key in (("bias_ih_l0", "read_bias"), ("bias_hh_l0", "keep_bias")):
            getattr(reader, name).copy_(torch.from_numpy(weights[key]))
        state = reader(torch.from_numpy(((events - weights["mean"]) / weights["sd"]).astype(np.float32)))[1][
            0
        ]
    expected = state.numpy() @ weights["last"] + weights["last_bias"]
    assert np.allclose(read_sequences(weights, events), expected, atol=1e-5)


def test_nobody_bought_anything():
    p = autoencode(train_autoencoder(sp.csr_matrix((5, 4), dtype=np.float32), steps=3), np.zeros((2, 4)))
    assert np.isfinite(p).all()


def test_two_that_learn_at_once_leave_the_number_of_threads_as_it_was():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()
    found = []

    def first():
        with networks._one_thread():
            first_in.set()
            second_in.wait(60)
        found.append(torch.get_num_threads())
        first_out.set()

    def second():
        first_in.wait(60)
        with networks._one_thread():
            second_in.set()
            first_out.wait(60)
        found.append(torch.get_num_threads())

    def later():
        found.append(torch.get_num_threads())

    try:
        both = [threading.Thread(target=target) for target in (first, second)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join(60)
        after = threading.Thread(target=later)
        after.start()
        after.join(60)
        assert found == [2, 2, 2]
    finally:
        torch.set_num_threads(before)
