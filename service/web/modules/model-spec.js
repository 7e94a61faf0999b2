// @ts-check
/** The spec that a model's jobs begin with, as fields of a form, and what changes between two of them. */

const COLUMNS = /** @type {const} */ ([
  ["train", "Training data", "Parquet file, directory or URI."],
  ["validation", "Validation data", ""],
  ["test", "Test data", ""],
  ["label", "Label column", ""],
  ["group", "Group column", "For GAUC, usually the user's id."],
  ["weight", "Weight column", ""],
]);
/** Those of the service's registry, the default first: the page has them. */
const BACKBONES = /** @type {string[]} */ (JSON.parse(document.getElementById("main")?.dataset.backbones ?? "[]"));

/**
 * @param {any} spec
 * @returns {import("pages/fields").Field[]}
 */
export function specFields(spec) {
  const backbone = spec.model?.backbone ?? BACKBONES[0];
  const offered = BACKBONES.includes(backbone) ? BACKBONES : [...BACKBONES, backbone];
  return [
    ...COLUMNS.map(([name, label, help]) => ({
      name,
      label,
      path: `spec.dataset.${name}`,
      value: spec.dataset?.[name] ?? (name === "label" ? "label" : null),
      required: name === "label",
      help,
    })),
    {
      name: "backbone",
      label: "Backbone",
      path: "spec.model.backbone",
      kind: "select",
      options: offered.map((name) => [name, name]),
      value: backbone,
    },
    {
      name: "epochs",
      label: "Epochs",
      path: "spec.training.epochs",
      kind: "number",
      value: spec.training?.epochs,
      required: false,
      attributes: { min: 1, step: 1 },
    },
  ];
}

/**
 * A spec with what the fields hold; the values of other fields are left over.
 * @param {any} spec
 * @param {import("pages/form").Values} values
 */
export function withFields(spec, { backbone, epochs, ...values }) {
  const names = new Set(COLUMNS.map(([name]) => /** @type {string} */ (name)));
  const columns = Object.entries(values).filter(([name]) => names.has(name));
  const others = Object.fromEntries(Object.entries(values).filter(([name]) => !names.has(name)));
  const dataset = without({ ...spec.dataset, ...Object.fromEntries(columns) });
  // Another backbone has other options.
  const same = spec.model?.backbone === backbone || (!spec.model?.backbone && backbone === BACKBONES[0]);
  const model = same ? spec.model : { backbone };
  const training = without({ ...spec.training, epochs });
  const made = { ...spec, dataset, model, training };
  if (Object.keys(training).length === 0) delete made.training;
  if (!model) delete made.model;
  return { spec: made, others };
}

/** @param {Record<string, any>} values */
function without(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined));
}

/**
 * What turns one value into another, as JSON Merge Patch (RFC 7396) has it: null takes a key out.
 * @param {any} from
 * @param {any} to
 * @returns {any}
 */
export function patch(from, to) {
  /** @type {Record<string, any>} */
  const found = {};
  for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (!(name in to)) found[name] = null;
    else if (isObject(from[name]) && isObject(to[name])) {
      const inner = patch(from[name], to[name]);
      if (Object.keys(inner).length > 0) found[name] = inner;
    } else if (JSON.stringify(from[name]) !== JSON.stringify(to[name])) found[name] = to[name];
  }
  return found;
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
