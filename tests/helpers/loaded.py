"""Data sets whose samples go through crossbars, for workers that import this file anew; a process of DDP."""

import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.nn import CrossbarConfig, convert

CONFIG = CrossbarConfig(tile_shape=(16, 8), wires=Wires(2.0, 2.0), r_on_sigma=0.05, seed=4)


def chip():
    torch.manual_seed(0)
    return convert(nn.Sequential(nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 4)).double(), CONFIG)


class Solved(Dataset):
    """Samples that a circuit and a chip have been through."""

    def __init__(self):
        self.chip = chip()
        self.xbar = Crossbar(np.random.default_rng(0).uniform(1e-6, 1e-4, (12, 12)), Wires(2.0, 2.0))

    def __len__(self):
        return 6

    def __getitem__(self, k):
        volts = np.random.default_rng(k).random(12)
        currents = torch.from_numpy(Solver().solve(self.xbar, volts).currents * 1e4)
        with torch.no_grad():
            return currents, self.chip(currents)


def samples():
    """What every process of DDP gets: a half of eight inputs."""
    return torch.randn(8, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


def step(model, x):
    """One step of training on x."""
    descent = torch.optim.SGD(model.parameters(), 0.1)
    model(x).square().mean().backward()
    descent.step()


def ddp_process(rank, folder):
    """Train on this process's half, and leave the weights of the first."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    model = chip()
    step(nn.parallel.DistributedDataParallel(model), samples()[rank::2])
    torch.save(model.state_dict(), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()
