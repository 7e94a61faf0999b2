// @ts-check
// Made by `python -m service.codegen`; not to be edited.
/** The stages of a run and the states of a job, in their order. */

export const STAGES = /** @type {const} */ ([
  "validating",
  "starting",
  "searching",
  "ranking",
  "finetuning",
  "evaluating",
]);

export const STATES = /** @type {const} */ ([
  "queued",
  "starting",
  "searching",
  "ranking",
  "finetuning",
  "evaluating",
  "succeeded",
  "failed",
  "cancelled",
]);

export const ENDED = /** @type {const} */ (["succeeded", "failed", "cancelled"]);
