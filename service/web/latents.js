/**
 * Seed → latents, the exact rule of kernels/latents.py: Philox4x32-10 with key = seed and counter = (block, 0, 0, 0);
 * its four words, little-endian, are latents 16·block … 16·block + 15. A latent q means (q − 127.5) / 127.5.
 */

export const LARGEST_SEED = 2n ** 64n - 1n;

const BLOCK_BYTES = 16;
const WORD = 0xffffffffn;
const MULTIPLIERS = [0xd2511f53n, 0xcd9e8d57n];
const WEYL = [0x9e3779b9n, 0xbb67ae85n];
const MIDDLE = 127.5;

/**
 * The latents of a seed, bytes.
 * @param {bigint} seed 0 … LARGEST_SEED
 * @param {number} dim
 * @returns {Uint8Array}
 */
export function latents(seed, dim) {
  const blocks = Math.ceil(dim / BLOCK_BYTES);
  const bytes = new DataView(new ArrayBuffer(blocks * BLOCK_BYTES));
  for (let block = 0; block < blocks; block++) {
    philox(BigInt(block), seed).forEach((word, i) => {
      bytes.setUint32(block * BLOCK_BYTES + 4 * i, Number(word), true);
    });
  }
  return new Uint8Array(bytes.buffer, 0, dim);
}

/**
 * Latents moved along directions, as numbers in [−1, 1] on the grid that the service rounds to.
 * @param {Uint8Array} from
 * @param {number[][]} directions of unit length
 * @param {number[]} shifts how far along each; absent ones are 0
 * @returns {number[]}
 */
export function moved(from, directions, shifts) {
  return Array.from(from, (byte, i) => {
    let value = meaning(byte);
    directions.forEach((vector, d) => (value += (shifts[d] ?? 0) * vector[i]));
    const level = Math.round(Math.min(1, Math.max(-1, value)) * MIDDLE + MIDDLE);
    return Number(meaning(level).toFixed(4));
  });
}

/** @param {number} byte */
function meaning(byte) {
  return (byte - MIDDLE) / MIDDLE;
}

/**
 * @param {bigint} counter
 * @param {bigint} key
 * @returns {bigint[]} four words of 32 bits
 */
function philox(counter, key) {
  let [x0, x1, x2, x3] = [counter, 0n, 0n, 0n];
  let [k0, k1] = [key & WORD, key >> 32n];
  for (let round = 0; round < 10; round++) {
    const left = MULTIPLIERS[0] * x0;
    const right = MULTIPLIERS[1] * x2;
    [x0, x1, x2, x3] = [(right >> 32n) ^ x1 ^ k0, right & WORD, (left >> 32n) ^ x3 ^ k1, left & WORD];
    [k0, k1] = [(k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD];
  }
  return [x0, x1, x2, x3];
}
