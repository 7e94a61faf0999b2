"""Gates: learned in the training graph. A folder each: the options in `__init__`, without torch, the gate beside."""
