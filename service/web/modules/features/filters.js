// @ts-check
/** Which features are shown; the page's address has it, so that it can be sent to someone. */

import { STATUSES } from "pages/features/statuses";
import { count } from "views/format";
import { element, fill, fresh } from "views/dom";

const KINDS = ["dense", "categorical", "multi_categorical"];

/** @param {() => void} changed */
export function filters(changed) {
  const given = new URLSearchParams(location.search);
  const statuses = new Set(given.getAll("status").filter((status) => STATUSES.some((each) => each === status)));
  const boxes = element("fieldset", { class: "row bare" });
  const list = fresh("tags");
  const tags = element("datalist", { id: list });
  const name = input("search", "name", given.get("name"), { placeholder: "contains" });
  const tag = input("search", "tag", given.get("tag"), { list, placeholder: "any" });
  const kind = /** @type {HTMLSelectElement} */ (
    element(
      "select",
      {},
      element("option", { value: "" }, "any"),
      KINDS.map((each) =>
        element("option", { value: each, selected: each === given.get("kind") }, each.replace("_", "-")),
      ),
    )
  );
  const told = () => {
    remember({ status: [...statuses], kind: [kind.value], tag: [tag.value.trim()], name: [name.value.trim()] });
    changed();
  };
  const turn = (/** @type {string} */ status, /** @type {boolean} */ on) => {
    if (on) statuses.add(status);
    else statuses.delete(status);
    told();
  };
  const root = element(
    "div",
    {
      class: "row filters",
      role: "search",
      oninput: (/** @type {Event} */ event) =>
        event.target !== boxes && !boxes.contains(/** @type {Node} */ (event.target)) && told(),
    },
    element("label", {}, "Feature", name),
    element("label", {}, "Kind", kind),
    element("label", {}, "Tag", tag, tags),
    boxes,
  );
  return {
    root,
    /** @param {any} row */
    fits(row) {
      return (
        (statuses.size === 0 || statuses.has(row.status)) &&
        (kind.value === "" || row.kind === kind.value) &&
        (tag.value.trim() === "" || row.tags.includes(tag.value.trim())) &&
        row.name.toLowerCase().includes(name.value.trim().toLowerCase())
      );
    },
    /**
     * Offer what there is: statuses with their numbers, and tags.
     * @param {any[]} rows
     * @param {Record<string, number>} counts
     */
    offer(rows, counts) {
      const offered = STATUSES.filter((status) => counts[status] || statuses.has(status));
      const made = offered.map((status) => {
        const box = /** @type {HTMLInputElement} */ (
          element("input", { type: "checkbox", onchange: () => turn(status, box.checked) })
        );
        box.checked = statuses.has(status);
        return element("label", { class: "inline" }, box, `${status} ${count(counts[status] ?? 0)}`);
      });
      fill(boxes, element("legend", { class: "visually-hidden" }, "Status"), made);
      const known = [...new Set(rows.flatMap((row) => row.tags))].sort();
      fill(
        tags,
        known.map((each) => element("option", { value: each })),
      );
    },
  };
}

/**
 * @param {string} type
 * @param {string} name
 * @param {string | null} value
 * @param {Record<string, any>} more
 */
function input(type, name, value, more) {
  const made = /** @type {HTMLInputElement} */ (element("input", { type, name, autocomplete: "off", ...more }));
  made.value = value ?? "";
  return made;
}

/** @param {Record<string, string[]>} chosen */
function remember(chosen) {
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(chosen)) {
    for (const value of values) if (value) query.append(name, value);
  }
  const text = query.toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}
