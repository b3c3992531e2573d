/** Text for the clipboard, and a word about it; where there is no clipboard, the text to copy by hand. */

import { find } from "./dom.js";

const SHOWN_MS = 2500;
let hiding = 0;

/**
 * @param {string} text
 * @param {string} what it is, as a sentence begins with it
 */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} is copied.`);
  } catch {
    // Browsers open the clipboard to secure pages only: https, or this machine.
    find("by-hand-text").value = text;
    find("by-hand").showModal();
    find("by-hand-text").select();
  }
}

/** @param {string} words */
function say(words) {
  const toast = find("toast");
  toast.textContent = words;
  toast.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => toast.classList.remove("shown"), SHOWN_MS);
}
