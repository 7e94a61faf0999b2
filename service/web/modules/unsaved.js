// @ts-check
/** What would be lost with a dialog: the browser asks before it leaves the page, and Escape has to be pressed twice. */

/** @type {Set<HTMLDialogElement>} */
const unsaved = new Set();

window.addEventListener("beforeunload", (event) => {
  if (anyUnsaved()) event.preventDefault();
});

/** Whether leaving the page would lose something. */
export function anyUnsaved() {
  return [...unsaved].some(({ open }) => open);
}

/**
 * Watch over a dialog until it closes.
 * @param {HTMLDialogElement} dialog
 * @param {() => void} warn say that Escape, pressed again, loses it
 * @returns {(would: boolean) => void} to be told whether leaving would lose something
 */
export function watchOver(dialog, warn) {
  let warned = false;
  dialog.addEventListener("cancel", (event) => {
    // A file's chooser that is closed says "cancel" too, and that comes up here.
    if (event.target !== dialog || warned || !unsaved.has(dialog)) return;
    event.preventDefault();
    warned = true;
    warn();
  });
  dialog.addEventListener("close", () => unsaved.delete(dialog));
  return (would) => {
    warned = false;
    if (would) unsaved.add(dialog);
    else unsaved.delete(dialog);
  };
}
