/* Seed -> latents: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011), as kernels/latents.py states it. */
#include "pbgen.h"

#define BLOCK 16 /* bytes of one counter's four words */

static void philox(uint32_t block, uint64_t seed, uint32_t x[4])
{
  uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  x[0] = block, x[1] = x[2] = x[3] = 0;
  for (int round = 0; round < 10; round++) {
    uint64_t left = UINT64_C(0xD2511F53) * x[0], right = UINT64_C(0xCD9E8D57) * x[2];
    x[0] = (uint32_t)(right >> 32) ^ x[1] ^ key[0];
    x[1] = (uint32_t)right;
    x[2] = (uint32_t)(left >> 32) ^ x[3] ^ key[1];
    x[3] = (uint32_t)left;
    key[0] += 0x9E3779B9, key[1] += 0xBB67AE85;
  }
}

void pbgen_latents(const uint64_t *seeds, uint32_t count, uint32_t dim, uint8_t *latents)
{
  for (uint32_t image = 0; image < count; image++)
    for (uint32_t start = 0; start < dim; start += BLOCK) {
      uint32_t words[4];
      philox(start / BLOCK, seeds[image], words);
      for (uint32_t byte = 0; byte < BLOCK && start + byte < dim; byte++)
        *latents++ = (uint8_t)(words[byte / 4] >> 8 * (byte % 4));
    }
}
