/* Counts of differing bits in AVX2 registers: 32 channels of a column a lane. */
#ifndef PBGEN_AVX2_BITS_H
#define PBGEN_AVX2_BITS_H

#include <immintrin.h>

#include "rows.h"

#define BIT_ROWS 2

/* Bits of a row and of the weights that differ, in each byte. */
INLINE __m256i differing(__m256i x, const uint8_t *b)
{
  const __m256i half = _mm256_set1_epi8(15);
  const __m256i ones = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4)); /* of a half byte */
  const __m256i bits = _mm256_xor_si256(x, _mm256_load_si256((const __m256i *)(const void *)b));
  const __m256i high = _mm256_and_si256(_mm256_srli_epi32(bits, 4), half);
  return _mm256_add_epi8(_mm256_shuffle_epi8(ones, _mm256_and_si256(bits, half)),
                         _mm256_shuffle_epi8(ones, high));
}

/* `rows` rows x 16 columns. Counts stay in bytes for a chunk: 16 quads, of at most 8 each. */
INLINE void bits_of_rows(const tile *t, const row_group *g, uint32_t rows, uint32_t half)
{
  const __m256i less_one = _mm256_set1_epi16(-1), one = _mm256_set1_epi8(1);
  __m256i sums[BIT_ROWS][2];
  for (uint32_t r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm256_setzero_si256();
  for (uint32_t k = 0; k < t->taps; k++) {
    const uint8_t *b = (const uint8_t *)t->b[k] + half * 64;
    for (uint32_t c = 0; c < chunks_of(t->channels); c++) {
      const uint8_t *a = t->a[k] + c * t->chunk;
      __m256i counts[BIT_ROWS][2];
      for (uint32_t r = 0; r < rows; r++)
        counts[r][0] = counts[r][1] = _mm256_setzero_si256();
      for (uint32_t quad = chunk_quads(t->channels, c); quad; quad--, a += 4, b += t->halves * 64)
#pragma GCC unroll 2
        for (uint32_t r = 0; r < rows; r++) {
          const __m256i x = _mm256_set1_epi32(*(const int32_t *)(const void *)(a + g->offset[r]));
          counts[r][0] = _mm256_add_epi8(counts[r][0], differing(x, b));
          counts[r][1] = _mm256_add_epi8(counts[r][1], differing(x, b + 32));
        }
      for (uint32_t r = 0; r < rows; r++)
        for (uint32_t i = 0; i < 2; i++) {
          const __m256i pairs = _mm256_maddubs_epi16(counts[r][i], one);
          sums[r][i] = _mm256_add_epi32(sums[r][i], _mm256_madd_epi16(pairs, less_one));
        }
    }
  }
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < 2; i++)
      _mm256_store_si256((__m256i *)(void *)(g->acc[r] + half * LANES + 8 * i), sums[r][i]);
}

static void sum_bits(const tile *t, int32_t *acc)
{
  row_group g;
  uint32_t block = 0, row = 0;
  while (next_rows(t, &block, &row, BIT_ROWS, acc, &g))
    for (uint32_t half = 0; half < t->halves; half++)
      bits_of_rows(t, &g, BIT_ROWS, half);
}

#endif
