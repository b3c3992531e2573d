/* Sums of floats in AVX2 registers: up to six rows x 16 columns, a span of steps at a time, whose
 * weights stay in L1 while all rows pass over them. */
#ifndef PBGEN_AVX2_FLOATS_H
#define PBGEN_AVX2_FLOATS_H

#include <immintrin.h>
#include <string.h>

#include "rows.h"
#include "steps.h"

#define FLOAT_ROWS 6
#define FLOAT_SPAN 6 /* steps: their weights and six rows of inputs fit L1 */
#define FEW_ROWS 96  /* of a tile: too few to hide that weights come from far */

/* Adds `count` inputs of one step to the sums of `rows` rows, in order. fetch: ask for the weights
 * of the next span meanwhile, which may have to come from far. */
INLINE void chunk_floats(const uint8_t *a, const size_t *offset, const float *b, uint32_t width,
                         uint32_t count, int fetch, uint32_t rows, __m256 sums[FLOAT_ROWS][2])
{
  const uint32_t next = FLOAT_SPAN * LINE / sizeof(float) * width;
  for (uint32_t n = 0; n < count; n++, a += sizeof(float), b += width) {
    const __m256 w0 = _mm256_load_ps(b), w1 = _mm256_load_ps(b + 8);
    if (fetch)
      _mm_prefetch((const char *)(b + next), _MM_HINT_T1);
#pragma GCC unroll 6
    for (uint32_t r = 0; r < rows; r++) {
      const __m256 x = _mm256_broadcast_ss((const float *)(const void *)(a + offset[r]));
      sums[r][0] = _mm256_fmadd_ps(x, w0, sums[r][0]);
      sums[r][1] = _mm256_fmadd_ps(x, w1, sums[r][1]);
    }
  }
}

/* acc (+)= a group of `rows` rows x a half over `steps` steps from s on. The inputs of a tap's next
 * chunk are asked for meanwhile: the processor does not foresee rows that are a chunk apart. */
INLINE void group_floats(const tile *t, const row_group *g, step_index s, uint32_t steps, int fetch,
                         uint32_t rows, uint32_t half)
{
  const uint32_t width = t->halves * LANES, per_chunk = LINE / sizeof(float);
  const int more = s.tap || s.chunk;
  __m256 sums[FLOAT_ROWS][2];
#pragma GCC unroll 6
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < 2; i++) {
      const float *from = (const float *)(const void *)(g->acc[r] + half * LANES + i * 8);
      sums[r][i] = more ? _mm256_load_ps(from) : _mm256_setzero_ps();
    }
  for (; steps; steps--, next_step(&s, chunks_of(t->channels * 4))) {
    const uint8_t *a = t->a[s.tap] + s.chunk * t->chunk;
    const float *b = (const float *)t->b[s.tap] + s.chunk * per_chunk * width + half * LANES;
    const uint32_t left = t->channels - s.chunk * per_chunk;
#pragma GCC unroll 6
    for (uint32_t r = 0; r < rows && left > per_chunk; r++)
      _mm_prefetch((const char *)(a + g->offset[r] + t->chunk), _MM_HINT_T0);
    if (left >= per_chunk)
      chunk_floats(a, g->offset, b, width, per_chunk, fetch, rows, sums);
    else
      chunk_floats(a, g->offset, b, width, left, fetch, rows, sums);
  }
#pragma GCC unroll 6
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < 2; i++)
      _mm256_store_ps((float *)(void *)(g->acc[r] + half * LANES + i * 8), sums[r][i]);
}

INLINE void some_floats(const tile *t, const row_group *g, step_index s, uint32_t steps, int fetch,
                        uint32_t rows, uint32_t half)
{
  switch (rows) {
  case 1:
    group_floats(t, g, s, steps, fetch, 1, half);
    break;
  case 2:
    group_floats(t, g, s, steps, fetch, 2, half);
    break;
  case 3:
    group_floats(t, g, s, steps, fetch, 3, half);
    break;
  case 4:
    group_floats(t, g, s, steps, fetch, 4, half);
    break;
  case 5:
    group_floats(t, g, s, steps, fetch, 5, half);
    break;
  default:
    group_floats(t, g, s, steps, fetch, FLOAT_ROWS, half);
  }
}

static void sum_floats(const tile *t, float *acc)
{
  const uint32_t chunks = chunks_of(t->channels * 4), steps = t->taps * chunks;
  uint32_t rows = 0;
  for (uint32_t i = 0; i < t->blocks; i++)
    rows += t->rows[i];
  if (!steps)
    memset(acc, 0, (size_t)t->blocks * BLOCK_ROWS * t->halves * LANES * sizeof *acc);
  step_index s = {0, 0};
  for (uint32_t done = 0, count; done < steps; done += count) {
    count = steps - done < FLOAT_SPAN ? steps - done : FLOAT_SPAN;
    uint32_t block = 0, row = 0, groups = (rows + FLOAT_ROWS - 1) / FLOAT_ROWS;
    row_group g;
    for (uint32_t left = rows, found; left; left -= found, groups--) {
      found = next_rows(t, &block, &row, (left + groups - 1) / groups, (int32_t *)(void *)acc, &g);
      for (uint32_t half = 0; half < t->halves; half++)
        if (rows <= FEW_ROWS)
          some_floats(t, &g, s, count, 1, found, half);
        else
          some_floats(t, &g, s, count, 0, found, half);
    }
    skip_steps(&s, count, chunks);
  }
}

#endif
