/** Numbers as people read them. */

/**
 * Milliseconds, about three figures of them.
 * @param {number} value
 */
export function ms(value) {
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
}

/**
 * Bytes in megabytes.
 * @param {number} bytes
 */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

/**
 * How many times smaller or larger a value is than another: "9.6× less".
 * @param {number} value
 * @param {number} other
 * @param {[string, string]} words for a smaller and a larger one
 */
export function times(value, other, [smaller, larger]) {
  const ratio = value < other ? other / value : value / other;
  if (ratio < 1.05) return "the same";
  return `${ratio.toFixed(1)}× ${value < other ? smaller : larger}`;
}
