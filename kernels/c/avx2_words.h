/* Sums of bytes and fixed weights in AVX2 registers: weights come as int16_t, four columns a
 * register, and vpmaddwd sums two channels of each. Where a last layer's phases are together, most
 * taps reach few columns: their other registers are left out. */
#ifndef PBGEN_AVX2_WORDS_H
#define PBGEN_AVX2_WORDS_H

#include <immintrin.h>

#include "isa.h"

#define WORD_ROWS 4
#define REGISTERS (LANES / 4)

INLINE __m256i quad_of(const uint8_t *a)
{
  return _mm256_set1_epi32(*(const int32_t *)(const void *)a);
}

/* Adds one tap to `count` registers from `first` on of `rows` rows, each column as a pair of sums.
 */
INLINE void add_words(const tile *t, const uint8_t *row, const int8_t *b, uint32_t first,
                      uint32_t count, uint32_t rows, __m256i sums[][REGISTERS])
{
  __m256i mine[WORD_ROWS][REGISTERS];
#pragma GCC unroll 4
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < count; i++)
      mine[r][i] = sums[r][first + i];
  b += 32 * first;
  for (uint32_t c = 0; c < chunks_of(t->channels); c++) {
    const uint8_t *a = row + c * t->chunk;
    for (uint32_t quad = chunk_quads(t->channels, c); quad; quad--, a += 4, b += LANES * 8) {
#pragma GCC unroll 4
      for (uint32_t r = 0; r < rows; r++) {
        const __m256i x = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(quad_of(a + r * LINE)));
#pragma GCC unroll 4
        for (uint32_t i = 0; i < count; i++) {
          const __m256i w = _mm256_load_si256((const __m256i *)(const void *)(b + 32 * i));
          mine[r][i] = _mm256_add_epi32(mine[r][i], _mm256_madd_epi16(x, w));
        }
      }
    }
  }
#pragma GCC unroll 4
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < count; i++)
      sums[r][first + i] = mine[r][i];
}

/* WORD_ROWS rows x 16 columns over all taps. */
INLINE void rows_of_words(const tile *t, size_t offset, int32_t *acc)
{
  __m256i sums[WORD_ROWS][REGISTERS];
  for (uint32_t r = 0; r < WORD_ROWS; r++)
    for (uint32_t i = 0; i < REGISTERS; i++)
      sums[r][i] = _mm256_setzero_si256();
  for (uint32_t k = 0; k < t->taps; k++) {
    const uint8_t *row = t->a[k] + offset;
    const int8_t *b = t->b[k];
    const uint32_t first = (uint32_t)__builtin_ctzll(t->valid[k]) / 16;
    switch (REGISTERS - (uint32_t)__builtin_clzll(t->valid[k]) / 16 - first) {
    case 1:
      add_words(t, row, b, first, 1, WORD_ROWS, sums);
      break;
    case 2:
      add_words(t, row, b, first, 2, WORD_ROWS, sums);
      break;
    case 3:
      add_words(t, row, b, first, 3, WORD_ROWS, sums);
      break;
    default: /* more sums than registers: two rows at a time */
      add_words(t, row, b, 0, REGISTERS, 2, sums);
      add_words(t, row + 2 * LINE, b, 0, REGISTERS, 2, sums + 2);
    }
  }
  for (uint32_t r = 0; r < WORD_ROWS; r++, acc += LANES)
    for (uint32_t i = 0; i < REGISTERS; i += 2) {
      const __m256i mixed = _mm256_hadd_epi32(sums[r][i], sums[r][i + 1]);
      _mm256_store_si256((__m256i *)(void *)(acc + 4 * i), _mm256_permute4x64_epi64(mixed, 0xd8));
    }
}

/* Rows are rounded up: a block has sixteen. */
static void sum_words(const tile *t, int32_t *acc)
{
  for (uint32_t i = 0; i < t->blocks; i++)
    for (uint32_t r = 0; r < t->rows[i]; r += WORD_ROWS)
      rows_of_words(t, t->offset[i] + r * LINE, acc + (i * BLOCK_ROWS + r) * LANES);
}

#endif
