/* AVX-512 primitives that AMX machines use too. Static: each file compiles its own copy. */
#ifndef PBGEN_AVX512_H
#define PBGEN_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "isa.h"

#define INLINE static inline __attribute__((always_inline))

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

/* A place in the sequence of steps. */
typedef struct step_index {
  uint32_t tap, chunk;
} step_index;

INLINE void next_step(step_index *s, uint32_t chunks)
{
  if (++s->chunk == chunks)
    s->chunk = 0, s->tap++;
}

/* Expands `steps` steps from s on to `to`. */
INLINE void expand_steps(const tile *t, step_index s, uint32_t steps, int8_t *to)
{
  const uint32_t chunks = chunks_of(t->channels);
  for (; steps; steps--, next_step(&s, chunks), to += t->halves * 1024) {
    const uint8_t *bits = t->bits[s.tap] + (size_t)s.chunk * t->halves * 128;
    const size_t eights = eights_of(chunk_quads(t->channels, s.chunk), t->halves);
    for (size_t eight = 0; eight < eights; eight++) {
      const __m512i from = _mm512_load_si512(bits + 64 * eight);
#pragma GCC unroll 8
      for (uint32_t i = 0; i < 8; i++)
        _mm512_store_si512(to + 512 * eight + 64 * i, signs(from, i));
    }
  }
}

INLINE const int8_t *weights_of(const tile *t, step_index s, uint32_t halves)
{
  return (const int8_t *)t->b[s.tap] + (size_t)s.chunk * halves * 1024;
}

INLINE __m512i quad_of(const uint8_t *a)
{
  return _mm512_set1_epi32(*(const int32_t *)(const void *)a);
}

/* acc (+)= `rows` rows of one block x all columns over `steps` steps from s on; sums stay in
 * registers. b: weights of the steps, or NULL for those of the tile. */
INLINE void block_bytes(const tile *t, const size_t offset, step_index s, uint32_t steps,
                        const int8_t *b, uint32_t rows, uint32_t halves, int32_t *acc)
{
  const uint32_t chunks = chunks_of(t->channels);
  const int more = s.tap || s.chunk;
  __m512i sums[8][2];
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t h = 0; h < halves; h++)
      sums[r][h] =
          more ? _mm512_load_si512(acc + (r * halves + h) * LANES) : _mm512_setzero_si512();
  for (uint32_t n = 0; n < steps; n++, next_step(&s, chunks)) {
    const uint8_t *a = t->a[s.tap] + offset + s.chunk * t->chunk;
    const int8_t *w = b ? b + n * halves * 1024 : weights_of(t, s, halves);
    const uint32_t quads = chunk_quads(t->channels, s.chunk);
    for (uint32_t quad = 0; quad < quads; quad++) {
      const __m512i w0 = _mm512_load_si512(w + quad * halves * 64);
      const __m512i w1 = halves == 2 ? _mm512_load_si512(w + quad * halves * 64 + 64) : w0;
#pragma GCC unroll 8
      for (uint32_t r = 0; r < rows; r++) {
        const __m512i x = quad_of(a + r * LINE + 4 * quad);
        sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], x, w0);
        if (halves == 2)
          sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], x, w1);
      }
    }
  }
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t h = 0; h < halves; h++)
      _mm512_store_si512(acc + (r * halves + h) * LANES, sums[r][h]);
}

/* All blocks, SPAN steps at a time: the span's weights are expanded once and stay in L1. */
INLINE void sum_spans(const tile *t, uint32_t halves, int32_t *acc)
{
  const uint32_t chunks = chunks_of(t->channels), steps = t->taps * chunks;
  const uint32_t width = halves * LANES;
  step_index s = {0, 0};
  for (uint32_t done = 0; done < steps; done += SPAN) {
    const uint32_t count = steps - done < SPAN ? steps - done : SPAN;
    int8_t *b = NULL;
    if (t->fresh) {
      b = (int8_t *)t->b[0] + (t->once ? 0 : (size_t)done * halves * 1024);
      expand_steps(t, s, count, b);
    }
    for (uint32_t i = 0; i < t->blocks; i++)
      for (uint32_t r = 0; r < block_rows(t, i); r += 8) {
        const size_t offset = t->offset[i] + r * LINE;
        int32_t *to = acc + (i * BLOCK_ROWS + r) * width;
        if (block_rows(t, i) - r == 1)
          block_bytes(t, offset, s, count, b, 1, halves, to);
        else
          block_bytes(t, offset, s, count, b, 8, halves, to);
      }
    for (uint32_t i = 0; i < count; i++)
      next_step(&s, chunks);
  }
}

static void sum_with_vnni(const tile *t, int32_t *acc)
{
  if (!t->taps)
    memset(acc, 0, (size_t)t->blocks * BLOCK_ROWS * t->halves * LANES * sizeof *acc);
  else
    t->halves == 2 ? sum_spans(t, 2, acc) : sum_spans(t, 1, acc);
}

INLINE void block_floats(const tile *t, size_t offset, uint32_t rows, uint32_t halves, float *acc)
{
  const uint32_t per_chunk = LINE / sizeof(float);
  __m512 sums[8][2];
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (uint32_t i = 0; i < t->taps; i++) {
    const uint8_t *row = t->a[i] + offset;
    const float *b = t->b[i];
    for (uint32_t k = 0; k < t->channels; k += per_chunk, row += t->chunk) {
      const uint8_t *a = row;
      const uint32_t left = t->channels - k;
      for (uint32_t n = left < per_chunk ? left : per_chunk; n; n--, a += sizeof(float)) {
        const __m512 w0 = _mm512_loadu_ps(b);
        const __m512 w1 = halves == 2 ? _mm512_loadu_ps(b + LANES) : w0;
#pragma GCC unroll 8
        for (uint32_t r = 0; r < rows; r++) {
          const __m512 x = _mm512_set1_ps(*(const float *)(const void *)(a + r * LINE));
          sums[r][0] = _mm512_fmadd_ps(x, w0, sums[r][0]);
          if (halves == 2)
            sums[r][1] = _mm512_fmadd_ps(x, w1, sums[r][1]);
        }
        b += halves * LANES;
      }
    }
  }
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++) {
    _mm512_storeu_ps(acc + r * halves * LANES, sums[r][0]);
    if (halves == 2)
      _mm512_storeu_ps(acc + r * halves * LANES + LANES, sums[r][1]);
  }
}

static void sum_floats(const tile *t, float *acc)
{
  for (uint32_t i = 0; i < t->blocks; i++)
    for (uint32_t r = 0; r < block_rows(t, i); r += 8) {
      const size_t offset = t->offset[i] + r * LINE;
      float *to = acc + (i * BLOCK_ROWS + r) * t->halves * LANES;
      if (block_rows(t, i) - r == 1)
        t->halves == 2 ? block_floats(t, offset, 1, 2, to) : block_floats(t, offset, 1, 1, to);
      else
        t->halves == 2 ? block_floats(t, offset, 8, 2, to) : block_floats(t, offset, 8, 1, to);
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
    const epilogue common = {NULL, e->scale, e->shift, 2, 0, 0}; /* known when compiled */
    finish_rows(acc, rows, &common, out);
  } else {
    finish_rows(acc, rows, e, out);
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
