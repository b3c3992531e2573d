/* Counts of differing bits in AVX-512 registers: 32 channels of a column a lane. Static: each file
 * compiles its own copy. */
#ifndef PBGEN_AVX512_BITS_H
#define PBGEN_AVX512_BITS_H

#include "avx512.h"
#include "rows.h"

#define BIT_ROWS 8

/* sums minus the bits that are set in each lane. */
INLINE __m512i less_ones(__m512i sums, __m512i bits)
{
#if defined(__AVX512VPOPCNTDQ__)
  return _mm512_sub_epi32(sums, _mm512_popcnt_epi32(bits));
#else
  const __m512i ones = _mm512_broadcast_i32x4(
      _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4)); /* of a half byte */
  const __m512i half = _mm512_set1_epi8(15);
  const __m512i low = _mm512_shuffle_epi8(ones, _mm512_and_si512(bits, half));
  const __m512i high =
      _mm512_shuffle_epi8(ones, _mm512_and_si512(_mm512_srli_epi32(bits, 4), half));
  return _mm512_dpbusd_epi32(sums, _mm512_add_epi8(low, high), _mm512_set1_epi8(-1));
#endif
}

INLINE void bits_of_rows(const tile *t, const row_group *g, uint32_t rows, uint32_t halves)
{
  __m512i sums[BIT_ROWS][2];
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm512_setzero_si512();
  for (uint32_t k = 0; k < t->taps; k++) {
    const uint8_t *b = t->b[k];
    for (uint32_t c = 0; c < chunks_of(t->channels); c++) {
      const uint8_t *a = t->a[k] + c * t->chunk;
      for (uint32_t quad = chunk_quads(t->channels, c); quad; quad--, a += 4, b += halves * 64) {
        const __m512i w0 = _mm512_load_si512(b), w1 = halves == 2 ? _mm512_load_si512(b + 64) : w0;
#pragma GCC unroll 8
        for (uint32_t r = 0; r < rows; r++) {
          const uint8_t *row = a + g->offset[r];
          const __m512i x = _mm512_set1_epi32(*(const int32_t *)(const void *)row);
          sums[r][0] = less_ones(sums[r][0], _mm512_xor_si512(x, w0));
          if (halves == 2)
            sums[r][1] = less_ones(sums[r][1], _mm512_xor_si512(x, w1));
        }
      }
    }
  }
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t h = 0; h < halves; h++)
      _mm512_store_si512(g->acc[r] + h * LANES, sums[r][h]);
}

static void sum_bits(const tile *t, int32_t *acc)
{
  row_group g;
  uint32_t block = 0, row = 0, found;
  while ((found = next_rows(t, &block, &row, BIT_ROWS, acc, &g)))
    if (found == 1)
      t->halves == 2 ? bits_of_rows(t, &g, 1, 2) : bits_of_rows(t, &g, 1, 1);
    else
      t->halves == 2 ? bits_of_rows(t, &g, BIT_ROWS, 2) : bits_of_rows(t, &g, BIT_ROWS, 1);
}

#endif
