/**
 * Light or dark: as the system says, until somebody chooses otherwise here. A plain script in the page's head, so that
 * the first paint has the right colours already.
 */
"use strict";

{
  const KEPT = "pbgen.theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const shown = () => root.style.colorScheme || (dark.matches ? "dark" : "light");

  const keep = (scheme) => {
    try {
      localStorage.setItem(KEPT, scheme);
    } catch {
      // Storage is switched off: the choice lasts as long as the page.
    }
  };
  try {
    const kept = localStorage.getItem(KEPT);
    if (kept === "light" || kept === "dark") root.style.colorScheme = kept;
  } catch {
    // Storage is switched off: as the system says.
  }

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const tell = () => button.setAttribute("aria-pressed", String(shown() === "dark"));
    button.addEventListener("click", () => {
      root.style.colorScheme = shown() === "dark" ? "light" : "dark";
      keep(root.style.colorScheme);
      tell();
    });
    dark.addEventListener("change", tell);
    tell();
  });
}
