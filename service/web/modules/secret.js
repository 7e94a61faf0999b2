// @ts-check
/** A secret, shown once. It is in the page only while its dialog is open. */

import { watchOver } from "pages/unsaved";
import { element, fill, fresh } from "views/dom";

/**
 * Show a secret until the reader closes its dialog.
 * @param {{title: string, note: string, label: string, secret: string}} shown
 * @returns {Promise<void>} when it is closed, and gone
 */
export function showSecret({ title, note, label, secret }) {
  const heading = fresh("secret");
  const told = element("p", { class: "soft", role: "status" });
  const control = /** @type {HTMLInputElement} */ (
    element("input", { id: `${heading}-text`, class: "secret", readonly: true, autocomplete: "off" })
  );
  control.value = secret;
  const dialog = /** @type {HTMLDialogElement} */ (element("dialog", { "aria-labelledby": heading }));
  const lost = watchOver(dialog, () => fill(told, "Not copied yet, and not shown again: Escape once more closes."));
  const copy = async () => {
    control.select();
    fill(told, (await copied(control)) ? "Copied." : "The browser didn't copy it: press Ctrl+C.");
    lost(false);
  };
  control.addEventListener("copy", () => lost(false));
  dialog.append(
    element(
      "div",
      { class: "fields" },
      element("h2", { id: heading }, title),
      element("p", { class: "alert caution" }, "It is shown once. Copy it before you close."),
      element("p", {}, note),
      element(
        "div",
        { class: "field" },
        element("label", { for: control.id }, label),
        element("div", { class: "copied" }, control, element("button", { class: "primary", onclick: copy }, "Copy")),
        told,
      ),
      element("p", { class: "row end" }, element("button", { onclick: () => dialog.close() }, "I have it, close")),
    ),
  );
  document.body.append(dialog);
  lost(true);
  dialog.showModal();
  control.select();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      control.value = "";
      dialog.remove();
      resolve();
    }),
  );
}

/**
 * Copy what is selected in a field; whether it was. Pages that aren't served by https have no clipboard.
 * @param {HTMLInputElement} control
 */
async function copied(control) {
  try {
    await navigator.clipboard.writeText(control.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
