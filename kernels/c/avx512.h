/* AVX-512 primitives that AMX machines use too. Static: each file compiles its own copy. */
#ifndef PBGEN_AVX512_H
#define PBGEN_AVX512_H

#include <immintrin.h>

#include "isa.h"

static void expand(const uint64_t *bits, size_t quads, uint32_t halves, uint64_t valid,
                   int8_t *panel)
{
  const __m512i plus = _mm512_set1_epi8(1), minus = _mm512_set1_epi8(-1);
  for (size_t i = 0; i < quads * halves; i++) {
    const __m512i signs = _mm512_mask_blend_epi8(bits[i], minus, plus);
    _mm512_store_si512(panel + 64 * i, _mm512_maskz_mov_epi8(valid, signs));
  }
}

/* The sums of lanes 16 * half ... + 15 as int32. */
static inline __m512i total(const int32_t *row, uint32_t half, const epilogue *e)
{
  __m512i sum = _mm512_loadu_si512(row + half * LANES);
  if (e->fixed)
    sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 8),
                           _mm512_loadu_si512(row + (e->halves + half) * LANES));
  if (e->offset)
    sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 1), _mm512_loadu_si512(e->offset + half * LANES));
  return sum;
}

static void finish_bytes(const int32_t *acc, uint32_t rows, const epilogue *e, uint8_t *const *out)
{
  const uint32_t width = (e->fixed ? 2 : 1) * e->halves * LANES;
  const __m512 most = _mm512_set1_ps(255.0f);
  for (uint32_t half = 0; half < e->halves; half++) {
    const __m512 scale = _mm512_loadu_ps(e->scale + half * LANES);
    const __m512 shift = _mm512_loadu_ps(e->shift + half * LANES);
    for (uint32_t r = 0; r < rows; r++) {
      if (!out[r])
        continue;
      const __m512 sum = _mm512_cvtepi32_ps(total(acc + r * width, half, e));
      const __m512 y = _mm512_add_ps(_mm512_mul_ps(sum, scale), shift);
      const __m512 clamped = _mm512_min_ps(_mm512_max_ps(y, _mm512_setzero_ps()), most);
      const __m512i q =
          _mm512_cvt_roundps_epi32(clamped, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
      _mm_storeu_si128((__m128i *)(void *)(out[r] + half * LANES), _mm512_cvtepi32_epi8(q));
    }
  }
}

/* One row block of constant size: its accumulators live in registers. */
#define BLOCK_ROWS 8

static inline
    __attribute__((always_inline)) void block_floats(const tile *t, uint32_t first, uint32_t rows,
                                                     uint32_t halves, float *acc)
{
  __m512 sums[BLOCK_ROWS][2];
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (uint32_t i = 0; i < t->taps; i++) {
    const uint8_t *a = t->a[i] + first * t->stride;
    const float *b = t->b[i];
    for (uint32_t k = 0; k < t->channels; k++, a += sizeof(float), b += halves * LANES) {
      const __m512 w0 = _mm512_loadu_ps(b);
      const __m512 w1 = halves == 2 ? _mm512_loadu_ps(b + LANES) : w0;
#pragma GCC unroll 8
      for (uint32_t r = 0; r < rows; r++) {
        const __m512 x = _mm512_set1_ps(*(const float *)(const void *)(a + r * t->stride));
        sums[r][0] = _mm512_fmadd_ps(x, w0, sums[r][0]);
        if (halves == 2)
          sums[r][1] = _mm512_fmadd_ps(x, w1, sums[r][1]);
      }
    }
  }
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++) {
    float *to = acc + (size_t)(first + r) * halves * LANES;
    _mm512_storeu_ps(to, sums[r][0]);
    if (halves == 2)
      _mm512_storeu_ps(to + LANES, sums[r][1]);
  }
}

/* Calls a block function with constant rows and halves. */
#define CASE(block, n)                                                                             \
  case n:                                                                                          \
    t->halves == 2 ? block(t, first, n, 2, acc) : block(t, first, n, 1, acc);                      \
    break
#define BLOCKS(block)                                                                              \
  for (uint32_t first = 0; first < t->rows; first += BLOCK_ROWS)                                   \
    switch (t->rows - first) {                                                                     \
      CASE(block, 1);                                                                              \
      CASE(block, 2);                                                                              \
      CASE(block, 3);                                                                              \
      CASE(block, 4);                                                                              \
      CASE(block, 5);                                                                              \
      CASE(block, 6);                                                                              \
      CASE(block, 7);                                                                              \
    default:                                                                                       \
      t->halves == 2 ? block(t, first, BLOCK_ROWS, 2, acc) : block(t, first, BLOCK_ROWS, 1, acc);  \
    }

static void sum_floats(const tile *t, float *acc)
{
  BLOCKS(block_floats)
}

#endif
