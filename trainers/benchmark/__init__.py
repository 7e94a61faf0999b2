"""`winnow benchmark`: methods, backbones, data sets, retention ratios and seeds by one search–retrain protocol.

The protocol is ERASE's (Jia et al. 2024): a method ranks all features on the training and validation splits, the top
share of its ranking is kept, a model of the kept features is trained from new weights until validation gets no better,
and the test split is read once.
"""
