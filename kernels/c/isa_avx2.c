/* AVX2 and FMA. Binary weights are looked up (avx2_tables.h), but those of a last layer whose
 * phases are together, which may be 0: for these vpmaddubsw sums pairs of products in int16, of
 * which 64 fit before they are widened (64 * 2 * 255 = 32640). Fixed weights would saturate there,
 * so they come as words (avx2_words.h). */
#include <string.h>

#include "avx2_bits.h"
#include "avx2_floats.h"
#include "avx2_tables.h"
#include "avx2_words.h"
#include "cpu_x86.h"

#define WIDEN_EVERY 4 /* chunks, of 16 quads */

/* 32 bits -> 32 bytes of all ones or zeros. */
INLINE __m256i mask_of(uint32_t bits)
{
  const __m256i which = _mm256_set1_epi64x((long long)0x8040201008040201u);
  const __m256i spread =
      _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), spread);
  return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, which), which);
}

static void expand(const uint8_t *bits, size_t eights, uint64_t valid, int8_t *panel)
{
  const __m256i one = _mm256_set1_epi8(1), zero = _mm256_setzero_si256();
  for (uint32_t half = 0; half < 2; half++) {
    const __m256i kept = mask_of((uint32_t)(valid >> (32 * half)));
    for (size_t eight = 0; eight < eights; eight++) {
      const uint8_t *from = bits + 64 * eight + 32 * half;
      const __m256i data = _mm256_load_si256((const __m256i *)(const void *)from);
      int8_t *to = panel + 512 * eight + 32 * half;
      for (uint32_t row = 0; row < 8; row++, to += 64) {
        const __m256i bit = _mm256_and_si256(data, _mm256_set1_epi8((char)(1u << row)));
        const __m256i sign = _mm256_or_si256(_mm256_cmpeq_epi8(bit, zero), one); /* -1 or 1 */
        _mm256_store_si256((__m256i *)(void *)to, _mm256_and_si256(sign, kept));
      }
    }
  }
}

INLINE void add_to(int32_t *acc, __m256i sums)
{
  __m256i *to = (__m256i *)(void *)acc;
  *to = _mm256_add_epi32(*to, sums);
}

/* Adds `quads` quads to the int16 sums of four rows. */
INLINE void quads_bytes(const uint8_t *a, const int8_t *b, size_t b_step, uint32_t quads,
                        __m256i sums[4][2])
{
#pragma GCC unroll 4
  for (uint32_t quad = 0; quad < quads; quad++, a += 4, b += b_step) {
    const __m256i w0 = _mm256_load_si256((const __m256i *)(const void *)b);
    const __m256i w1 = _mm256_load_si256((const __m256i *)(const void *)(b + 32));
#pragma GCC unroll 4
    for (uint32_t r = 0; r < 4; r++) {
      const __m256i x = quad_of(a + r * LINE);
      sums[r][0] = _mm256_add_epi16(sums[r][0], _mm256_maddubs_epi16(x, w0));
      sums[r][1] = _mm256_add_epi16(sums[r][1], _mm256_maddubs_epi16(x, w1));
    }
  }
}

/* Adds chunks c0 ... c1 - 1 of one tap to 4 rows x 16 columns of acc, for weights within +-1. */
INLINE void byte_block(const tile *t, const uint8_t *row, const int8_t *b, uint32_t c0, uint32_t c1,
                       int32_t *acc)
{
  const size_t width = t->halves * LANES;
  __m256i sums[4][2];
#pragma GCC unroll 4
  for (uint32_t r = 0; r < 4; r++)
    sums[r][0] = sums[r][1] = _mm256_setzero_si256();
  for (uint32_t c = c0; c < c1; c++, b += LINE * width) {
    const uint32_t quads = chunk_quads(t->channels, c);
    if (quads == LINE / 4)
      quads_bytes(row + c * t->chunk, b, 4 * width, LINE / 4, sums);
    else
      quads_bytes(row + c * t->chunk, b, 4 * width, quads, sums);
  }
  const __m256i one = _mm256_set1_epi16(1);
#pragma GCC unroll 4
  for (uint32_t r = 0; r < 4; r++)
    for (uint32_t i = 0; i < 2; i++)
      add_to(acc + r * width + i * 8, _mm256_madd_epi16(sums[r][i], one));
}

/* Adds one tap to a block's sums, 16 columns of them. Rows are rounded up: a block has sixteen. */
static void add_tap(const tile *t, uint32_t block, uint32_t tap, uint32_t half, int32_t *acc)
{
  const uint8_t *a = t->a[tap] + t->offset[block];
  const uint32_t rows = t->rows[block], width = t->halves * LANES;
  const uint32_t chunks = chunks_of(t->channels);
  const int8_t *b = (const int8_t *)t->b[tap] + half * LANES * 4;
  for (uint32_t c0 = 0; c0 < chunks; c0 += WIDEN_EVERY, b += (size_t)WIDEN_EVERY * LINE * width) {
    const uint32_t c1 = chunks - c0 < WIDEN_EVERY ? chunks : c0 + WIDEN_EVERY;
    for (uint32_t r = 0; r < rows; r += 4)
      byte_block(t, a + r * LINE, b, c0, c1, acc + r * width);
  }
}

static void sum_bytes(const tile *t, int32_t *acc)
{
  if (t->words) {
    sum_words(t, acc);
    return;
  }
  const uint32_t width = t->halves * LANES;
  memset(acc, 0, (size_t)t->blocks * BLOCK_ROWS * width * sizeof *acc);
  for (uint32_t i = 0; i < t->taps; i++)
    for (uint32_t half = 0; half < t->halves; half++)
      for (uint32_t block = 0; block < t->blocks; block++)
        add_tap(t, block, i, half, acc + (size_t)block * BLOCK_ROWS * width + half * LANES);
}

/* clamp(rint(y), 0, most) of eight columns of a row of sums. */
INLINE __m256i finish(const int32_t *row, uint32_t lane, const epilogue *e, float most)
{
  __m256 sum;
  if (e->floats) {
    sum = _mm256_loadu_ps((const float *)(const void *)(row + lane));
  } else {
    __m256i acc = _mm256_loadu_si256((const __m256i *)(const void *)(row + lane));
    const int32_t *low = row + e->halves * LANES + lane;
    if (e->fixed)
      acc = _mm256_add_epi32(_mm256_slli_epi32(acc, 8),
                             _mm256_loadu_si256((const __m256i *)(const void *)low));
    if (e->offset)
      acc = _mm256_add_epi32(_mm256_slli_epi32(acc, 1),
                             _mm256_loadu_si256((const __m256i *)(const void *)(e->offset + lane)));
    sum = _mm256_cvtepi32_ps(acc);
  }
  const __m256 product = _mm256_mul_ps(sum, _mm256_loadu_ps(e->scale + lane));
  const __m256 y = _mm256_add_ps(product, _mm256_loadu_ps(e->shift + lane));
  /* Of a NaN, max takes its second operand: 0. */
  const __m256 clamped = _mm256_min_ps(_mm256_max_ps(y, _mm256_setzero_ps()), _mm256_set1_ps(most));
  return _mm256_cvtps_epi32(
      _mm256_round_ps(clamped, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

static void finish_bytes(const int32_t *acc, uint32_t rows, const epilogue *e, const size_t *places)
{
  const uint32_t width = e->halves * LANES;
  for (uint32_t r = 0; r < rows; r++, acc += e->fixed ? 2 * width : width)
    for (uint32_t lane = 0; places[r] != NOWHERE && lane < width; lane += 8) {
      const __m256i q = finish(acc, lane, e, 255);
      const __m128i words =
          _mm_packus_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
      _mm_storel_epi64((__m128i *)(void *)(e->out + places[r] + lane),
                       _mm_packus_epi16(words, words));
    }
}

static void finish_floats(const float *acc, uint32_t rows, const epilogue *e, const size_t *places)
{
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t lane = 0; lane < e->halves * LANES; lane += 8, acc += 8) {
      if (places[r] == NOWHERE)
        continue;
      const __m256 product = _mm256_mul_ps(_mm256_loadu_ps(acc), _mm256_loadu_ps(e->scale + lane));
      const __m256 y = _mm256_add_ps(product, _mm256_loadu_ps(e->shift + lane));
      float *to =
          (float *)(void *)(e->out + places[r] + lane / LANES * e->out_chunk) + lane % LANES;
      _mm256_storeu_ps(to, _mm256_max_ps(y, _mm256_setzero_ps()));
    }
}

static void finish_levels(const int32_t *acc, uint32_t rows, const epilogue *e,
                          const uint8_t *table, uint8_t *levels)
{
  for (uint32_t r = 0; r < rows; r++, acc += e->fixed ? 2 * LANES : LANES)
    for (uint32_t lane = 0; lane < LANES; lane += 8) {
      uint32_t steps[8];
      _mm256_storeu_si256((__m256i *)(void *)steps, finish(acc, lane, e, 4095));
      for (uint32_t i = 0; i < 8; i++)
        *levels++ = table[steps[i]];
    }
}

const isa pbgen_avx2 = {
    .name = "avx2",
    .available = pbgen_has_avx2,
    .row_step = 4,
    .float_row_step = 1,
    .images = 16,
    .words = 1,
    .expand = expand,
    .sum_bytes = sum_bytes,
    .tables = &tables,
    .sum_bits = sum_bits,
    .sum_floats = sum_floats,
    .finish_bytes = finish_bytes,
    .finish_floats = finish_floats,
    .finish_levels = finish_levels,
};
