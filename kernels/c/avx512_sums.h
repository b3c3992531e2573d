/* Sums of a tile in AVX-512 registers: 8 rows x 2 halves. Static: each file compiles its own copy.
 */
#ifndef PBGEN_AVX512_SUMS_H
#define PBGEN_AVX512_SUMS_H

#include "avx512.h"
#include "steps.h"

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

/* Adds `quads` quads of one step to the sums of `rows` rows. */
INLINE void quads_bytes(const uint8_t *a, const int8_t *b, uint32_t quads, uint32_t rows,
                        uint32_t halves, __m512i sums[8][2])
{
#pragma GCC unroll 4
  for (uint32_t quad = 0; quad < quads; quad++, a += 4, b += halves * 64) {
    const __m512i w0 = _mm512_load_si512(b), w1 = halves == 2 ? _mm512_load_si512(b + 64) : w0;
#pragma GCC unroll 8
    for (uint32_t r = 0; r < rows; r++) {
      const __m512i x = quad_of(a + r * LINE);
      sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], x, w0);
      if (halves == 2)
        sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], x, w1);
    }
  }
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
  for (uint32_t r = 0; r < 8; r++)
    sums[r][0] = sums[r][1] = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (uint32_t r = 0; more && r < rows; r++)
    for (uint32_t h = 0; h < halves; h++)
      sums[r][h] = _mm512_load_si512(acc + (r * halves + h) * LANES);
  for (uint32_t n = 0; n < steps; n++, next_step(&s, chunks)) {
    const uint8_t *a = t->a[s.tap] + offset + s.chunk * t->chunk;
    const int8_t *w = b ? b + n * halves * 1024 : weights_of(t, s, halves);
    const uint32_t quads = chunk_quads(t->channels, s.chunk);
    if (quads == LINE / 4)
      quads_bytes(a, w, LINE / 4, rows, halves, sums);
    else
      quads_bytes(a, w, quads, rows, halves, sums);
  }
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t h = 0; h < halves; h++)
      _mm512_store_si512(acc + (r * halves + h) * LANES, sums[r][h]);
}

/* All blocks, SPAN steps at a time: the span's weights are expanded once and stay in L1. */
INLINE void sum_spans(const tile *t, uint32_t halves, int32_t *acc)
{
  const uint32_t steps = t->taps * chunks_of(t->channels);
  step_index s = {0, 0};
  const uint32_t span = span_of(steps);
  for (uint32_t done = 0; done < steps; done += span) {
    const uint32_t count = steps - done < span ? steps - done : span;
    int8_t *b = NULL;
    if (t->fresh) {
      b = (int8_t *)t->b[0] + (t->once ? 0 : (size_t)done * halves * 1024);
      expand_steps(t, s, count, b);
    }
    for (uint32_t i = 0; i < t->blocks; i++)
      for (uint32_t r = 0; r < t->rows[i]; r += 8) {
        const size_t offset = t->offset[i] + r * LINE;
        int32_t *to = acc + (i * BLOCK_ROWS + r) * halves * LANES;
        if (t->rows[i] - r == 1)
          block_bytes(t, offset, s, count, b, 1, halves, to);
        else
          block_bytes(t, offset, s, count, b, 8, halves, to);
      }
    skip_steps(&s, count, chunks_of(t->channels));
  }
}

/* `rows` rows of block i, by_line: a half at a time, over its taps alone. */
INLINE void block_by_line(const tile *t, uint32_t i, uint32_t rows, int32_t *acc)
{
  for (uint32_t half = 0; half < 2; half++, acc += LANES) {
    __m512i sums[BLOCK_ROWS];
#pragma GCC unroll 16
    for (uint32_t r = 0; r < rows; r++)
      sums[r] = _mm512_setzero_si512();
    for (step_index s = {t->from[half], 0}; s.tap < t->to[half];
         next_step(&s, chunks_of(t->channels))) {
      const uint8_t *a = t->a[s.tap] + t->offset[i] + s.chunk * t->chunk;
      const int8_t *b = weights_of(t, s, 2) + half * 64;
      for (uint32_t quad = chunk_quads(t->channels, s.chunk); quad; quad--, a += 4, b += 128) {
        const __m512i w = _mm512_load_si512(b);
#pragma GCC unroll 16
        for (uint32_t r = 0; r < rows; r++)
          sums[r] = _mm512_dpbusd_epi32(sums[r], quad_of(a + r * LINE), w);
      }
    }
#pragma GCC unroll 16
    for (uint32_t r = 0; r < rows; r++)
      _mm512_store_si512(acc + r * 2 * LANES, sums[r]);
  }
}

static void sum_by_line(const tile *t, int32_t *acc)
{
  for (uint32_t i = 0; i < t->blocks; i++, acc += BLOCK_ROWS * 2 * LANES)
    if (t->rows[i] > BLOCK_ROWS / 2)
      block_by_line(t, i, BLOCK_ROWS, acc);
    else
      block_by_line(t, i, BLOCK_ROWS / 2, acc);
}

static void zero_sums_of(const tile *t, void *acc)
{
  memset(acc, 0, (size_t)t->blocks * BLOCK_ROWS * t->halves * LANES * sizeof(int32_t));
}

/* One row straight from bits: nothing else would use the expanded weights. */
INLINE void sum_lone_row(const tile *t, uint32_t halves, int32_t *acc)
{
  __m512i sums[8]; /* of row i of the eights: half i % halves */
#pragma GCC unroll 8
  for (uint32_t i = 0; i < 8; i++)
    sums[i] = _mm512_setzero_si512();
  for (uint32_t k = 0; k < t->taps; k++) {
    const uint8_t *bits = t->bits[k];
    for (uint32_t c = 0; c < chunks_of(t->channels); c++) {
      const uint8_t *a = t->a[k] + t->offset[0] + c * t->chunk;
      const size_t eights = eights_of(chunk_quads(t->channels, c), halves);
      for (size_t eight = 0; eight < eights; eight++, bits += 64, a += 32 / halves) {
        const __m512i from = _mm512_load_si512(bits);
#pragma GCC unroll 8
        for (uint32_t i = 0; i < 8; i++)
          sums[i] = _mm512_dpbusd_epi32(sums[i], quad_of(a + 4 * (i / halves)), signs(from, i));
      }
    }
  }
#pragma GCC unroll 8
  for (uint32_t i = halves; i < 8; i++)
    sums[i % halves] = _mm512_add_epi32(sums[i % halves], sums[i]);
  for (uint32_t h = 0; h < halves; h++)
    _mm512_store_si512(acc + h * LANES, sums[h]);
}

static void sum_with_vnni(const tile *t, int32_t *acc)
{
  if (!t->taps)
    zero_sums_of(t, acc);
  else if (t->fresh && t->once && t->blocks == 1 && t->rows[0] == 1)
    t->halves == 2 ? sum_lone_row(t, 2, acc) : sum_lone_row(t, 1, acc);
  else if (t->by_line)
    sum_by_line(t, acc);
  else
    t->halves == 2 ? sum_spans(t, 2, acc) : sum_spans(t, 1, acc);
}

/* Adds `count` inputs of one step to the sums of `rows` rows, in order. fetch: ask for the weights
 * of the next span meanwhile, which may have to come from far. */
INLINE void chunk_floats(const uint8_t *a, const float *b, uint32_t count, int fetch, uint32_t rows,
                         uint32_t halves, __m512 sums[8][2])
{
  const uint32_t width = halves * LANES, next = SPAN * LINE / sizeof(float) * width;
#pragma GCC unroll 4
  for (uint32_t n = 0; n < count; n++, a += sizeof(float), b += width) {
    const __m512 w0 = _mm512_load_ps(b), w1 = halves == 2 ? _mm512_load_ps(b + LANES) : w0;
    for (uint32_t h = 0; fetch && h < halves; h++)
      _mm_prefetch((const char *)(b + next + h * LANES), _MM_HINT_T1);
#pragma GCC unroll 8
    for (uint32_t r = 0; r < rows; r++) {
      const __m512 x = _mm512_set1_ps(*(const float *)(const void *)(a + r * LINE));
      sums[r][0] = _mm512_fmadd_ps(x, w0, sums[r][0]);
      if (halves == 2)
        sums[r][1] = _mm512_fmadd_ps(x, w1, sums[r][1]);
    }
  }
}

/* acc (+)= `rows` rows of one block x all columns over `steps` steps from s on. */
INLINE void block_floats(const tile *t, size_t offset, step_index s, uint32_t steps, int fetch,
                         uint32_t rows, uint32_t halves, float *acc)
{
  const uint32_t width = halves * LANES, per_chunk = LINE / sizeof(float);
  const int more = s.tap || s.chunk;
  __m512 sums[8][2];
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t h = 0; h < halves; h++)
      sums[r][h] = more ? _mm512_load_ps(acc + r * width + h * LANES) : _mm512_setzero_ps();
  for (; steps; steps--, next_step(&s, chunks_of(t->channels * 4))) {
    const uint8_t *a = t->a[s.tap] + offset + s.chunk * t->chunk;
    const float *b = (const float *)t->b[s.tap] + (size_t)s.chunk * per_chunk * width;
    const uint32_t left = t->channels - s.chunk * per_chunk;
    if (left >= per_chunk)
      chunk_floats(a, b, per_chunk, fetch, rows, halves, sums);
    else
      chunk_floats(a, b, left, fetch, rows, halves, sums);
  }
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t h = 0; h < halves; h++)
      _mm512_store_ps(acc + r * width + h * LANES, sums[r][h]);
}

INLINE void sum_float_spans(const tile *t, uint32_t halves, float *acc)
{
  const uint32_t chunks = chunks_of(t->channels * 4), steps = t->taps * chunks;
  step_index s = {0, 0};
  const uint32_t span = span_of(steps);
  for (uint32_t done = 0; done < steps; done += span) {
    const uint32_t count = steps - done < span ? steps - done : span;
    for (uint32_t i = 0; i < t->blocks; i++)
      for (uint32_t r = 0; r < t->rows[i]; r += 8) {
        const size_t offset = t->offset[i] + r * LINE;
        float *to = acc + (i * BLOCK_ROWS + r) * halves * LANES;
        if (t->rows[i] - r == 1)
          block_floats(t, offset, s, count, 1, 1, halves, to);
        else if (i + r == 0)
          block_floats(t, offset, s, count, 1, 8, halves, to);
        else
          block_floats(t, offset, s, count, 0, 8, halves, to);
      }
    skip_steps(&s, count, chunks);
  }
}

static void sum_floats(const tile *t, float *acc)
{
  if (!t->taps)
    zero_sums_of(t, acc);
  else
    t->halves == 2 ? sum_float_spans(t, 2, acc) : sum_float_spans(t, 1, acc);
}

#endif
