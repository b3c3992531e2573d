/* AVX-512 primitives that AMX machines use too. Static: each file compiles its own copy. */
#ifndef PBGEN_AVX512_H
#define PBGEN_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "isa.h"

/* Row i of eight: bit i of every byte of `bits` as +1 or -1. */
INLINE __m512i signs(__m512i bits, uint32_t i)
{
#if defined(__GFNI__)
  /* A bit matrix times each byte: result bit 0 is 1, bits 1 ... 7 are the inverse of bit i. */
  const __m512i matrix = _mm512_set1_epi64((long long)(0x0001010101010101u << i));
  return _mm512_gf2p8affine_epi64_epi8(bits, matrix, 0xff);
#else
  const __mmask64 plus = _mm512_test_epi8_mask(bits, _mm512_set1_epi8((char)(1u << i)));
  return _mm512_mask_blend_epi8(plus, _mm512_set1_epi8(-1), _mm512_set1_epi8(1));
#endif
}

static void expand(const uint8_t *bits, size_t eights, uint64_t valid, int8_t *panel)
{
  for (size_t eight = 0; eight < eights; eight++, panel += 512) {
    const __m512i from = _mm512_load_si512(bits + 64 * eight);
#pragma GCC unroll 8
    for (uint32_t i = 0; i < 8; i++)
      _mm512_store_si512(panel + 64 * i, _mm512_maskz_mov_epi8(valid, signs(from, i)));
  }
}

/* clamp(rint(y), 0, most) of one half of a row of sums. */
INLINE __m512i finish(const int32_t *row, uint32_t half, const epilogue *e, float most)
{
  __m512 sum;
  if (e->floats) {
    sum = _mm512_loadu_ps(row + half * LANES);
  } else {
    __m512i acc = _mm512_loadu_si512(row + half * LANES);
    if (e->fixed)
      acc = _mm512_add_epi32(_mm512_slli_epi32(acc, 8),
                             _mm512_loadu_si512(row + (e->halves + half) * LANES));
    if (e->offset)
      acc =
          _mm512_add_epi32(_mm512_slli_epi32(acc, 1), _mm512_loadu_si512(e->offset + half * LANES));
    sum = _mm512_cvtepi32_ps(acc);
  }
  const __m512 product = _mm512_mul_ps(sum, _mm512_loadu_ps(e->scale + half * LANES));
  const __m512 y = _mm512_add_ps(product, _mm512_loadu_ps(e->shift + half * LANES));
  /* Of a NaN, max takes its second operand: 0. */
  const __m512 clamped = _mm512_min_ps(_mm512_max_ps(y, _mm512_setzero_ps()), _mm512_set1_ps(most));
  return _mm512_cvt_roundps_epi32(clamped, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

INLINE void finish_rows(const int32_t *acc, uint32_t rows, const epilogue *e, uint8_t *const *out)
{
  const uint32_t width = (e->fixed ? 2 : 1) * e->halves * LANES;
  for (uint32_t r = 0; r < rows; r++, acc += width)
    for (uint32_t half = 0; out[r] && half < e->halves; half++) {
      const __m128i q = _mm512_cvtepi32_epi8(finish(acc, half, e, 255));
      _mm_storeu_si128((__m128i *)(void *)(out[r] + half * LANES), q);
    }
}

static void finish_bytes(const int32_t *acc, uint32_t rows, const epilogue *e, uint8_t *const *out)
{
  if (!e->fixed && !e->offset && e->halves == 2) {
    const epilogue common = {.scale = e->scale, .shift = e->shift, .halves = 2}; /* the rest: 0 */
    finish_rows(acc, rows, &common, out);
  } else {
    finish_rows(acc, rows, e, out);
  }
}

static void finish_floats(const float *acc, uint32_t rows, const epilogue *e, uint8_t *const *out)
{
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t half = 0; half < e->halves; half++, acc += LANES) {
      if (!out[r])
        continue;
      const __m512 product =
          _mm512_mul_ps(_mm512_load_ps(acc), _mm512_load_ps(e->scale + half * LANES));
      const __m512 y = _mm512_add_ps(product, _mm512_load_ps(e->shift + half * LANES));
      _mm512_store_ps(out[r] + half * e->out_chunk, _mm512_max_ps(y, _mm512_setzero_ps()));
    }
}

static void finish_levels(const int32_t *acc, uint32_t rows, const epilogue *e,
                          const uint8_t *table, uint8_t *levels)
{
  for (uint32_t r = 0; r < rows; r++, acc += e->fixed ? 2 * LANES : LANES, levels += LANES) {
    const __m512i found = _mm512_i32gather_epi32(finish(acc, 0, e, 4095), table, 1);
    const __m512i low = _mm512_and_si512(found, _mm512_set1_epi32(255));
    _mm_storeu_si128((__m128i *)(void *)levels, _mm512_cvtepi32_epi8(low));
  }
}

#endif
