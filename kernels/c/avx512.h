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

/* 256 * high + low of the 12 columns of a row of sums by_line. */
INLINE __m512i join_lines(const int32_t *row)
{
  const __m512i first = _mm512_loadu_si512(row), second = _mm512_loadu_si512(row + LANES);
  const __m512i at = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 16, 17, 18, 19, 20, 21, 6, 6, 6, 6);
  const __m512i low_at = _mm512_add_epi32(at, _mm512_set1_epi32(LOW_LANE));
  const __m512i high = _mm512_permutex2var_epi32(first, at, second);
  return _mm512_add_epi32(_mm512_slli_epi32(high, 8),
                          _mm512_permutex2var_epi32(first, low_at, second));
}

/* clamp(rint(y), 0, most) of one half of a row of sums. */
INLINE __m512i finish(const int32_t *row, uint32_t half, const epilogue *e, float most)
{
  __m512 sum;
  if (e->floats) {
    sum = _mm512_loadu_ps(row + half * LANES);
  } else {
    __m512i acc = _mm512_loadu_si512(row + half * LANES);
    if (e->by_line)
      acc = join_lines(row);
    else if (e->fixed)
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

INLINE void finish_rows(const int32_t *acc, uint32_t rows, const epilogue *e, const size_t *places)
{
  const uint32_t width = (e->fixed ? 2 : 1) * e->halves * LANES;
  for (uint32_t r = 0; r < rows; r++, acc += width)
    for (uint32_t half = 0; places[r] != NOWHERE && half < e->halves; half++) {
      const __m128i q = _mm512_cvtepi32_epi8(finish(acc, half, e, 255));
      _mm_storeu_si128((__m128i *)(void *)(e->out + places[r] + half * LANES), q);
    }
}

/* Scales, shifts and offsets of a half's columns. */
typedef struct columns {
  __m512 scale, shift;
  __m512i offset;
} columns;

INLINE columns columns_of(const epilogue *e, uint32_t half, int offset)
{
  return (columns){_mm512_load_ps(e->scale + half * LANES), _mm512_load_ps(e->shift + half * LANES),
                   offset ? _mm512_loadu_si512(e->offset + half * LANES) : _mm512_setzero_si512()};
}

/* min(rint(y), 255) of one half of a row, for packing, which raises what is below 0 to it. Of NaN
 * and what int32_t does not hold, conversion makes its least. */
INLINE __m512i round_half(const int32_t *acc, const columns *c, int offset)
{
  __m512i sum = _mm512_load_si512(acc);
  if (offset)
    sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 1), c->offset);
  const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), c->scale);
  const __m512 y = _mm512_min_ps(_mm512_set1_ps(255), _mm512_add_ps(product, c->shift));
  return _mm512_cvt_roundps_epi32(y, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* Rows of two halves, two at a time. */
INLINE void finish_pairs(const int32_t *acc, uint32_t rows, const epilogue *e, int offset,
                         const size_t *places)
{
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const columns c0 = columns_of(e, 0, offset), c1 = columns_of(e, 1, offset);
  uint8_t *out = e->out;
  for (uint32_t r = 0; r < rows; r += 2, acc += 4 * LANES) {
    const size_t first = places[r], second = r + 1 < rows ? places[r + 1] : NOWHERE;
    if (first == NOWHERE && second == NOWHERE)
      continue;
    const __m512i low =
        _mm512_packs_epi32(round_half(acc, &c0, offset), round_half(acc + LANES, &c1, offset));
    const __m512i high = _mm512_packs_epi32(round_half(acc + 2 * LANES, &c0, offset),
                                            round_half(acc + 3 * LANES, &c1, offset));
    const __m512i both = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
    if (first != NOWHERE)
      _mm256_storeu_si256((__m256i *)(void *)(out + first), _mm512_castsi512_si256(both));
    if (second != NOWHERE)
      _mm256_storeu_si256((__m256i *)(void *)(out + second), _mm512_extracti64x4_epi64(both, 1));
  }
}

/* Rows of four halves or more: four are a line of results. */
INLINE void finish_lines(const int32_t *acc, uint32_t rows, const epilogue *e, int offset,
                         const size_t *places)
{
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  for (uint32_t half = 0; half < e->halves; half += 4) {
    columns c[4];
#pragma GCC unroll 4
    for (uint32_t i = 0; i < 4; i++)
      c[i] = columns_of(e, half + i, offset);
    const int32_t *from = acc + half * LANES;
    for (uint32_t r = 0; r < rows; r++, from += e->halves * LANES) {
      if (places[r] == NOWHERE)
        continue;
      __m512i q[4];
#pragma GCC unroll 4
      for (uint32_t i = 0; i < 4; i++)
        q[i] = round_half(from + i * LANES, &c[i], offset);
      const __m512i line =
          _mm512_packus_epi16(_mm512_packs_epi32(q[0], q[1]), _mm512_packs_epi32(q[2], q[3]));
      _mm512_storeu_si512(e->out + places[r] + half / 4 * e->out_chunk,
                          _mm512_permutexvar_epi32(order, line));
    }
  }
}

static void finish_bytes(const int32_t *acc, uint32_t rows, const epilogue *e, const size_t *places)
{
  if (e->halves >= 4)
    e->offset ? finish_lines(acc, rows, e, 1, places) : finish_lines(acc, rows, e, 0, places);
  else if (e->halves == 2 && !e->fixed && !e->floats)
    e->offset ? finish_pairs(acc, rows, e, 1, places) : finish_pairs(acc, rows, e, 0, places);
  else
    finish_rows(acc, rows, e, places);
}

static void finish_floats(const float *acc, uint32_t rows, const epilogue *e, const size_t *places)
{
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t half = 0; half < e->halves; half++, acc += LANES) {
      if (places[r] == NOWHERE)
        continue;
      const __m512 product =
          _mm512_mul_ps(_mm512_load_ps(acc), _mm512_load_ps(e->scale + half * LANES));
      const __m512 y = _mm512_add_ps(product, _mm512_load_ps(e->shift + half * LANES));
      _mm512_store_ps(e->out + places[r] + half * e->out_chunk,
                      _mm512_max_ps(y, _mm512_setzero_ps()));
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
