// @ts-check
/** What a rule would keep of a finished run's features, by the rules of `trainers/pruning/rules.py`. */

/**
 * @typedef {{rule: "threshold", threshold: number} | {rule: "top_k", top_k: number} | {rule: "dims", share: number} |
 *   {rule: "budget", keep_dims: number} | {rule: "budget", keep_bytes: number} | {rule: "budget", keep_cost: number}} Rule
 *   as a spec's `prune` has it
 *
 * @typedef {{[name in keyof import("schemas").Totals]: import("schemas").Totals[name] | null} &
 *   {features: number, dims: number}} Totals bytes are null where the run doesn't tell what its features weigh
 *
 * @typedef {{logloss: number, rise: number, within: boolean, from: number, to: number, prefix: boolean}} Quality
 *   validation logloss of the list's own set as measured, or of any other by the selection curve, between its points of
 *   `from` and `to` features (equal: measured there); copies of what is kept aren't counted. `rise` over that of all
 *   features, `within` δ or not; `prefix` is false where the cut isn't the curve's own of that many features, and the
 *   logloss therefore an estimate
 *
 * @typedef {Map<string, boolean>} Forced whether a feature is kept, by name, whatever the rule says of it
 *
 * @typedef {{rule: Rule, forced: Forced, mask: Uint8Array, kept: string[], totals: Totals, quality: Quality | null,
 *   added: string[], dropped: string[]}} Cut
 *   `mask` in the order of the ranking; `added` and `dropped` are kept and pruned other than by the list
 */

/** A finished run's features along its ranking, to be cut in any way. */
export class Cuts {
  /**
   * @param {import("views/run").PruneList} list the run's
   * @param {import("views/run").Results | null} results the run's; null where they are gone
   */
  constructor(list, results) {
    const features = list.features;
    const weights = new Map((results?.features ?? []).map((found) => [found.name, found]));
    this.weighed = features.every(({ name }) => weights.has(name));
    const column = (/** @type {(feature: import("schemas").ListedFeature) => number} */ value) =>
      Float64Array.from(features, value);
    this.probabilityLike = list.selector.probability_like;
    this.names = features.map(({ name }) => name);
    this.score = column((feature) => feature.score);
    // Closed features that held-out rows miss, over several seeds in half of them, stay by rule threshold.
    this.missed = Uint8Array.from(features, ({ details }) => Number((details?.missed ?? 0) >= 0.5));
    this.dim = column((feature) => feature.dim);
    this.embedding = column((feature) => weights.get(feature.name)?.embedding_bytes ?? 0);
    this.cost = column((feature) => weights.get(feature.name)?.cost ?? feature.dim);
    this.costly = (results?.features ?? []).some(({ cost }) => cost !== undefined && cost !== null);
    this.example = column((feature) => weights.get(feature.name)?.bytes_per_example ?? 0);
    this.pinned = Uint8Array.from(features, (feature) => Number(feature.why === "essential"));
    const places = new Map(this.names.map((name, at) => [name, at]));
    /** @type {number[][]} places of each feature's copies */
    this.copies = features.map(({ copies }) => (copies ?? []).map((name) => places.get(name) ?? -1));
    this.constant = Uint8Array.from(features, ({ constant }) => Number(constant ?? false));
    // The places that the curve counts: as the trainers' `distinct`, those that vary, and of no copy of one before them.
    const first = new Uint8Array(features.length);
    for (let at = 0; at < first.length; at += 1) if (this.pinned[at] || !this.#givesNothing(first, at)) first[at] = 1;
    this.distinct = [...first.keys()].filter((at) => first[at]);
    this.own = Uint8Array.from(features, (feature) => Number(feature.decision === "keep"));
    this.essential = this.pinned.reduce((sum, one) => sum + one, 0);
    this.all = this.#totals(new Uint8Array(features.length).fill(1));
    this.curve = [...(results?.curve ?? [])].sort((a, b) => a.features - b.features);
    this.measured = list.revision ? null : (results?.own ?? null);
    this.delta = results?.delta ?? 0;
  }

  /**
   * @param {Rule} rule
   * @param {Forced} [forced]
   * @returns {Cut}
   */
  by(rule, forced = new Map()) {
    const mask = this.#kept(rule);
    for (const [name, keep] of forced) mask[this.names.indexOf(name)] = Number(keep);
    const kept = this.names.filter((_, at) => mask[at]);
    const totals = this.#totals(mask);
    const added = this.names.filter((_, at) => mask[at] > this.own[at]);
    const dropped = this.names.filter((_, at) => mask[at] < this.own[at]);
    const quality = this.#quality(mask, added.length + dropped.length === 0);
    return { rule, forced, mask, kept, totals, quality, added, dropped };
  }

  /** @param {Rule} rule */
  #kept(rule) {
    const mask = Uint8Array.from(this.pinned);
    if (rule.rule === "threshold") {
      for (let at = 0; at < mask.length; at += 1)
        if ((this.score[at] >= rule.threshold || this.missed[at]) && !this.#givesNothing(mask, at)) mask[at] = 1;
    } else if (rule.rule === "top_k") {
      let left = rule.top_k - this.essential;
      for (let at = 0; at < mask.length && left > 0; at += 1) {
        if (mask[at] || this.#givesNothing(mask, at)) continue;
        mask[at] = 1;
        left -= 1;
      }
    } else if (rule.rule === "dims") {
      this.#spend(mask, this.dim, Math.floor(rule.share * this.all.dims + 1e-9));
    } else if ("keep_dims" in rule) {
      this.#spend(mask, this.dim, rule.keep_dims);
    } else if ("keep_bytes" in rule) {
      this.#spend(mask, this.embedding, rule.keep_bytes);
    } else {
      // Costs are floats: three of 0.1 fit into 0.3.
      this.#spend(mask, this.cost, rule.keep_cost, 1e-9 * rule.keep_cost);
    }
    if (!mask.includes(1)) mask[0] = 1;
    return mask;
  }

  /**
   * Whether a feature has nothing to add to what is kept: it is constant, or one of its copies is kept.
   * @param {Uint8Array} mask
   * @param {number} at
   */
  #givesNothing(mask, at) {
    return this.constant[at] === 1 || this.copies[at].some((other) => mask[other]);
  }

  /**
   * A feature too wide for what is left is passed over; narrower ones after it may still come in.
   * @param {Uint8Array} mask
   * @param {Float64Array} takes what each feature takes of the limit
   * @param {number} limit
   * @param {number} [slack] by which the limit may be exceeded
   */
  #spend(mask, takes, limit, slack = 0) {
    let spent = 0;
    for (let at = 0; at < mask.length; at += 1) {
      if (this.pinned[at] || (spent + takes[at] <= limit + slack && !this.#givesNothing(mask, at))) {
        mask[at] = 1;
        spent += takes[at];
      }
    }
  }

  /**
   * What the marked features cost to serve; all of them unless marked otherwise.
   * @param {Uint8Array} [mask]
   */
  costs(mask) {
    return this.cost.reduce((sum, cost, at) => sum + (mask && !mask[at] ? 0 : cost), 0);
  }

  /**
   * @param {Uint8Array} mask
   * @returns {Totals}
   */
  #totals(mask) {
    let [features, dims, embedding, example] = [0, 0, 0, 0];
    for (let at = 0; at < mask.length; at += 1) {
      if (!mask[at]) continue;
      features += 1;
      dims += this.dim[at];
      embedding += this.embedding[at];
      example += this.example[at];
    }
    const known = this.weighed;
    return { features, dims, embedding_bytes: known ? embedding : null, bytes_per_example: known ? example : null };
  }

  /**
   * @param {Uint8Array} mask
   * @param {boolean} own whether the cut is the list's own
   * @returns {Quality | null}
   */
  #quality(mask, own) {
    const [first, last] = [this.curve[0], this.curve.at(-1)];
    if (!first || !last) return null;
    if (own && this.measured) {
      const { logloss, features } = this.measured;
      const rise = logloss - last.logloss;
      return { logloss, rise, within: rise < this.delta || rise === 0, from: features, to: features, prefix: true };
    }
    const carried = this.distinct.map((at) => mask[at] === 1 || this.#givesNothing(mask, at));
    const features = carried.filter(Boolean).length;
    const after = this.curve.find((point) => point.features >= features) ?? last;
    const before = this.curve.findLast((point) => point.features <= features) ?? first;
    const span = after.features - before.features;
    const share = span === 0 ? 0 : (features - before.features) / span;
    const logloss = before.logloss + share * (after.logloss - before.logloss);
    const rise = logloss - last.logloss;
    const within = rise < this.delta || features === last.features;
    const prefix = !carried.slice(0, features).includes(false);
    return { logloss, rise, within, from: before.features, to: after.features, prefix };
  }
}
