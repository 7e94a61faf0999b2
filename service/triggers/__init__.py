"""Conditions on a model that start a selection (FairFS §4.6).

A kind of trigger is a class of `Condition` in a file of its own, named in `kinds.When`. `judging` puts what it observes
beside quiet hours, cool-down and unfinished jobs; `loop` evaluates, records and fires.
"""
