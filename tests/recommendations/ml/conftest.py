import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small networks on two threads wait for each other: many times slower than one thread when the cores are busy."""
    torch.set_num_threads(1)
