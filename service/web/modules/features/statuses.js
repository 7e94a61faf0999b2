// @ts-check
// Made by `python -m service.codegen`; not to be edited.
/** The statuses of a feature, those that jobs take, and what each may become by hand. */

export const STATUSES = /** @type {const} */ (["essential", "active", "candidate", "pruned", "retired"]);

export const IN_JOBS = /** @type {const} */ (["essential", "active", "candidate"]);

/** @type {Record<import("schemas").FeatureStatus, import("schemas").FeatureStatus[]>} */
export const BY_HAND = {
  essential: ["active", "retired"],
  active: ["essential", "pruned", "retired", "candidate"],
  candidate: ["active", "essential", "retired"],
  pruned: ["candidate", "active", "retired"],
  retired: ["candidate"],
};
