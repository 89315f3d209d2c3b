"""Hardware-aware training as a recipe: `finetune`, from where calibration left a network.

`training` is the loop, `recipe` its settings and results, `corrections` what calibration found as
parameters, `checkpoint` trainings in files. It imports the other ways to train around it.
"""

from .recipe import Epoch, FinetuneConfig, Finetuned
from .training import finetune

__all__ = ["Epoch", "FinetuneConfig", "Finetuned", "finetune"]
