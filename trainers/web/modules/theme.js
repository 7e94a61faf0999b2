// @ts-check
/** The page's colours, for what is drawn rather than styled; told apart by readers with any colour vision. */

/**
 * @typedef {{ink: string, soft: string, line: string, surface: string, keep: string, prune: string, third: string,
 *   between: string, dark: boolean}} Colours
 */

const dark = matchMedia("(prefers-color-scheme: dark)");

/** @returns {Colours} as the style sheet has them at this moment */
export function colours() {
  // A property's own value is still `light-dark(…)`: an element that has it as its colour tells which it is.
  const probe = document.body.appendChild(document.createElement("i"));
  const read = (/** @type {string} */ name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    ink: read("ink"),
    soft: read("soft"),
    line: read("line"),
    surface: read("surface"),
    keep: read("keep"),
    prune: read("prune"),
    third: read("third"),
    between: read("between"),
    dark: isDark(),
  };
  probe.remove();
  return found;
}

/** Whether the page is dark: as chosen on it, else as the reader's system is. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : dark.matches;
}

/**
 * Call back whenever the page turns dark or light.
 * @param {() => void} listener
 */
export function onTurn(listener) {
  dark.addEventListener("change", listener);
  document.addEventListener("winnow:theme", listener);
}

/**
 * Turn the page dark or light, and remember it in this browser.
 * @param {"dark" | "light"} theme
 */
export function turn(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // A browser that keeps nothing forgets the choice with the page.
  }
  document.dispatchEvent(new Event("winnow:theme"));
}

/** Take up what was chosen in this browser before. */
export function recall() {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    // As if nothing had been chosen.
  }
}
