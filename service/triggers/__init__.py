"""Conditions on a model that start a selection (FairFS §4.6).

A kind of trigger is a class of `Condition` in a file of its own, named in `kinds.When`. `gating_rules` adds
quiet hours, cooldown and unfinished jobs to what the condition observed; `evaluator` evaluates, records and fires.
"""
