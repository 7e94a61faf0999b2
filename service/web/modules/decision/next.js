// @ts-check
/** A cut as a spec has it, to be copied into the next run's. */

import { element, fill, preformatted } from "views/dom";

/** @returns {{root: HTMLElement, update: (cut: import("views/cut").Cut) => void}} */
export function snippet() {
  const text = preformatted("The cut as a spec");
  const told = element("span", { class: "soft", role: "status" });
  const copy = async () => fill(told, (await copied(text)) ? "Copied." : "The browser didn't copy it: press Ctrl+C.");
  const button = element("button", { type: "button", onclick: copy }, "Copy");
  const head = element(
    "p",
    { class: "row spread" },
    "This cut in the next run's spec:",
    element("span", { class: "row" }, told, button),
  );
  return {
    root: element("div", { class: "next" }, head, text),
    update({ rule, forced, kept }) {
      const chosen = forced.size > 0 ? { rule: "given", keep: `[${kept.join(", ")}]` } : rule;
      const lines = Object.entries(chosen).map(([name, value]) => `  ${name}: ${value}`);
      fill(text, ["prune:", ...lines].join("\n"));
      fill(told);
    },
  };
}

/**
 * Copy a text, or select it where the page has no clipboard: one that isn't served by https.
 * @param {HTMLElement} text
 */
async function copied(text) {
  getSelection()?.selectAllChildren(text);
  try {
    await navigator.clipboard.writeText(text.textContent ?? "");
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
