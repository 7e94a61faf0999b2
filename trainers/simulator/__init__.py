"""Industrial-looking data sets with a known answer: which features a ranking model needs, and which it doesn't."""

from trainers.simulator.outcome import RoleOutcome, compare
from trainers.simulator.simulation import Simulation, simulate

__all__ = ["RoleOutcome", "Simulation", "compare", "simulate"]
