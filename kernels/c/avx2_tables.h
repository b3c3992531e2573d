/* Sums by look-up in AVX2 registers (T-MAC, bitnet.cpp): a quad of inputs is a table of the sums of
 * its sixteen subsets, of which vpshufb looks up 32 columns' at once. */
#ifndef PBGEN_AVX2_TABLES_H
#define PBGEN_AVX2_TABLES_H

#include <immintrin.h>
#include <string.h>

#include "rows.h"

#define TABLE_ROWS 2
#define TABLE_BITS 5   /* of the ten of an entry, in its first part */
#define BYTE_CHUNKS 4  /* whose sums, eight of 31 at most, fit a byte */
#define WORD_CHUNKS 32 /* whose sums, 64 of 1020 at most, fit 16 bits */

static uint32_t table_chunks(uint32_t channels)
{
  return (channels + 7) / 8;
}

/* Two quads a chunk: of each the sums of its sixteen subsets (entry p of the channels that are bits
 * of p), low parts and then the high. */
static int32_t tabulate(const uint8_t *bytes, uint32_t channels, uint8_t *to, size_t chunk)
{
  /* Entry p sums the bytes of the bits of p; here 0 ... 3, 8 ... 11 and then the rest, which packs
   * put in order. */
  const __m256i first = _mm256_setr_epi32(0x00000000, 0x00000001, 0x00000100, 0x00000101,
                                          0x01000000, 0x01000001, 0x01000100, 0x01000101);
  const __m256i second = _mm256_or_si256(first, _mm256_set1_epi32(0x00010000));
  const __m256i one = _mm256_set1_epi16(1);
  int32_t sum = 0;
  for (uint32_t quad = 0; quad < 2 * table_chunks(channels); quad++, bytes += 4) {
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    const __m256i x = _mm256_set1_epi32(four);
    const __m256i sums =
        _mm256_packus_epi32(_mm256_madd_epi16(_mm256_maddubs_epi16(x, first), one),
                            _mm256_madd_epi16(_mm256_maddubs_epi16(x, second), one));
    sum += (int32_t)((uint32_t)_mm256_extract_epi32(sums, 7) >> 16);
    const __m256i low = _mm256_and_si256(sums, _mm256_set1_epi16((1 << TABLE_BITS) - 1));
    const __m256i parts = _mm256_packus_epi16(low, _mm256_srli_epi16(sums, TABLE_BITS));
    _mm256_store_si256((__m256i *)(void *)(to + quad / 2 * chunk + quad % 2 * 32),
                       _mm256_permute4x64_epi64(parts, 0xd8));
  }
  return sum;
}

/* What is looked up may not be added in another order: that would take more registers. */
INLINE void add_found(__m256i *sums, __m256i table, __m256i which)
{
  *sums = _mm256_add_epi8(*sums, _mm256_shuffle_epi8(table, which));
  __asm__ volatile("" : "+x"(*sums));
}

INLINE __m256i table_at(const uint8_t *at)
{
  return _mm256_broadcastsi128_si256(*(const __m128i *)(const void *)at);
}

/* Sums in bytes of up to BYTE_CHUNKS chunks -> words of columns 0 ... 7, 16 ... 23 and of the rest.
 */
INLINE void add_chunks(const uint8_t *a, size_t step, const size_t *offset, const uint8_t *b,
                       uint32_t chunks, uint32_t rows, uint32_t halves, __m256i words[][2])
{
  const __m256i half = _mm256_set1_epi8(15);
  const __m256i worth = _mm256_set1_epi16(1 << (8 + TABLE_BITS) | 1);
  __m256i low[TABLE_ROWS], high[TABLE_ROWS];
#pragma GCC unroll 2
  for (uint32_t r = 0; r < rows; r++)
    low[r] = high[r] = _mm256_setzero_si256();
#pragma GCC unroll 4
  for (uint32_t c = 0; c < chunks; c++, a += step, b += halves * LANES) {
    const __m256i bits =
        halves == 2 ? _mm256_load_si256((const __m256i *)(const void *)b) : table_at(b);
    const __m256i x = _mm256_and_si256(bits, half);
    const __m256i y = _mm256_and_si256(_mm256_srli_epi16(bits, 4), half);
#pragma GCC unroll 2
    for (uint32_t r = 0; r < rows; r++) {
      const uint8_t *tables = a + offset[r];
      add_found(&low[r], table_at(tables), x);
      add_found(&high[r], table_at(tables + 16), x);
      add_found(&low[r], table_at(tables + 32), y);
      add_found(&high[r], table_at(tables + 48), y);
    }
  }
#pragma GCC unroll 2
  for (uint32_t r = 0; r < rows; r++) {
    const __m256i first = _mm256_unpacklo_epi8(low[r], high[r]);
    const __m256i second = _mm256_unpackhi_epi8(low[r], high[r]);
    words[r][0] = _mm256_add_epi16(words[r][0], _mm256_maddubs_epi16(first, worth));
    words[r][1] = _mm256_add_epi16(words[r][1], _mm256_maddubs_epi16(second, worth));
  }
}

/* `rows` rows x all columns: twice the sums of the weights that are +1, less those of all. */
INLINE void tables_of_rows(const tile *t, const row_group *g, uint32_t rows, uint32_t halves)
{
  const __m256i zero = _mm256_setzero_si256();
  const uint32_t chunks = table_chunks(t->channels);
  __m256i sums[TABLE_ROWS][4];
  for (uint32_t r = 0; r < rows; r++) {
    int32_t all = 0;
    for (uint32_t k = 0; k < t->taps; k++)
      all += *(const int32_t *)(const void *)(t->a[k] + g->offset[r] + chunks * t->chunk);
    for (uint32_t i = 0; i < 4; i++)
      sums[r][i] = _mm256_set1_epi32(-all);
  }
  for (uint32_t k = 0; k < t->taps; k++) {
    const uint8_t *b = t->b[k], *a = t->a[k];
    for (uint32_t c0 = 0; c0 < chunks; c0 += WORD_CHUNKS) {
      const uint32_t c1 = chunks - c0 < WORD_CHUNKS ? chunks : c0 + WORD_CHUNKS;
      __m256i words[TABLE_ROWS][2];
#pragma GCC unroll 2
      for (uint32_t r = 0; r < rows; r++)
        words[r][0] = words[r][1] = zero;
      for (uint32_t c = c0; c < c1;) {
        const uint32_t count = c1 - c < BYTE_CHUNKS ? c1 - c : BYTE_CHUNKS;
        if (count == BYTE_CHUNKS)
          add_chunks(a, t->chunk, g->offset, b, BYTE_CHUNKS, rows, halves, words);
        else
          add_chunks(a, t->chunk, g->offset, b, count, rows, halves, words);
        c += count, a += count * t->chunk, b += count * halves * LANES;
      }
      for (uint32_t r = 0; r < rows; r++)
        for (uint32_t i = 0; i < 4; i++) {
          const __m256i sum = i % 2 ? _mm256_unpackhi_epi16(words[r][i / 2], zero)
                                    : _mm256_unpacklo_epi16(words[r][i / 2], zero);
          sums[r][i] = _mm256_add_epi32(sums[r][i], _mm256_slli_epi32(sum, 1));
        }
    }
  }
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < 2 * halves; i++) { /* columns 8 * i ... 8 * i + 7 */
      const __m256i a = sums[r][i % 2 * 2], b = sums[r][i % 2 * 2 + 1];
      _mm256_store_si256((__m256i *)(void *)(g->acc[r] + 8 * i),
                         i < 2 ? _mm256_permute2x128_si256(a, b, 0x20)
                               : _mm256_permute2x128_si256(a, b, 0x31));
    }
}

static void sum_tables(const tile *t, int32_t *acc)
{
  row_group g;
  uint32_t block = 0, row = 0, found;
  while ((found = next_rows(t, &block, &row, TABLE_ROWS, acc, &g)))
    if (t->halves == 2)
      found == 1 ? tables_of_rows(t, &g, 1, 2) : tables_of_rows(t, &g, TABLE_ROWS, 2);
    else
      found == 1 ? tables_of_rows(t, &g, 1, 1) : tables_of_rows(t, &g, TABLE_ROWS, 1);
}

static const lookup tables = {
    .images = 2, /* TABLE_ROWS: a pixel's rows are looked up together, and lie together */
    .halves = 2,
    .columns = 1,
    .lanes = 1,
    .chunks = table_chunks,
    .tabulate = tabulate,
    .sum = sum_tables,
};

#endif
