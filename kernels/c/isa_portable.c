/* Plain C11: any machine, and the yardstick of the others. fmaf rounds once, as the contract asks,
 * in hardware or not: the same floats everywhere come before speed here. */
#include <math.h>
#include <string.h>

#include "isa.h"

static int available(void)
{
  return 1;
}

static void expand(const uint8_t *bits, size_t eights, uint64_t valid, int8_t *panel)
{
  for (size_t row = 0; row < 8 * eights; row++)
    for (uint32_t p = 0; p < 64; p++) {
      const int sign = (bits[row / 8 * 64 + p] >> (row % 8) & 1) * 2 - 1;
      *panel++ = (int8_t)((valid >> p & 1) ? sign : 0);
    }
}

static void fill(const tile *t)
{
  const size_t eights = eights_of((t->channels + 3) / 4, t->halves);
  for (uint32_t i = 0; i < t->taps; i++)
    expand(t->bits[i], eights, ~(uint64_t)0, t->b[i]);
}

/* acc [width] = one row's sums of bytes; row: its place in each tap. */
static void sum_row(const tile *t, size_t row, uint32_t width, int32_t *acc)
{
  memset(acc, 0, width * sizeof *acc);
  for (uint32_t i = 0; i < t->taps; i++) {
    const int8_t *b = t->b[i];
    const int16_t *words = t->b[i];
    for (uint32_t c = 0; c < chunks_of(t->channels); c++) {
      const uint8_t *a = t->a[i] + row + c * t->chunk;
      for (uint32_t quad = 0; quad < chunk_quads(t->channels, c); quad++, a += 4) {
        for (uint32_t k = 0; k < 4 * width; k++)
          acc[k / 4] += a[k % 4] * (t->words ? words[k] : b[k]);
        b += 4 * width;
        words += 4 * width;
      }
    }
  }
}

static void sum_float_row(const tile *t, size_t row, uint32_t width, float *acc)
{
  const uint32_t per_chunk = LINE / sizeof(float);
  memset(acc, 0, width * sizeof *acc);
  for (uint32_t i = 0; i < t->taps; i++) {
    const float *b = t->b[i];
    for (uint32_t k = 0; k < t->channels; k++, b += width) {
      const uint8_t *chunk = t->a[i] + row + k / per_chunk * t->chunk;
      const float a = ((const float *)(const void *)chunk)[k % per_chunk];
      for (uint32_t lane = 0; lane < width; lane++)
        acc[lane] = fmaf(a, b[lane], acc[lane]);
    }
  }
}

static void sum_bytes(const tile *t, int32_t *acc)
{
  const uint32_t width = t->halves * LANES;
  if (t->fresh)
    fill(t);
  for (uint32_t i = 0; i < t->blocks; i++)
    for (uint32_t r = 0; r < t->rows[i]; r++)
      sum_row(t, t->offset[i] + r * LINE, width, acc + (i * BLOCK_ROWS + r) * width);
}

static int32_t ones_of(uint32_t bits)
{
  bits -= bits >> 1 & 0x55555555u; /* of pairs, then of fours, then of bytes */
  bits = (bits & 0x33333333u) + (bits >> 2 & 0x33333333u);
  bits = (bits + (bits >> 4)) & 0x0f0f0f0fu;
  return (int32_t)(bits * 0x01010101u >> 24);
}

static void sum_bit_row(const tile *t, size_t row, uint32_t width, int32_t *acc)
{
  memset(acc, 0, width * sizeof *acc);
  for (uint32_t i = 0; i < t->taps; i++) {
    const uint32_t *b = t->b[i];
    for (uint32_t c = 0; c < chunks_of(t->channels); c++) {
      const uint32_t *a = (const uint32_t *)(const void *)(t->a[i] + row + c * t->chunk);
      for (uint32_t quad = 0; quad < chunk_quads(t->channels, c); quad++, b += width)
        for (uint32_t lane = 0; lane < width; lane++)
          acc[lane] -= ones_of(a[quad] ^ b[lane]);
    }
  }
}

static void sum_bits(const tile *t, int32_t *acc)
{
  const uint32_t width = t->halves * LANES;
  for (uint32_t i = 0; i < t->blocks; i++)
    for (uint32_t r = 0; r < t->rows[i]; r++)
      sum_bit_row(t, t->offset[i] + r * LINE, width, acc + (i * BLOCK_ROWS + r) * width);
}

static void sum_floats(const tile *t, float *acc)
{
  const uint32_t width = t->halves * LANES;
  for (uint32_t i = 0; i < t->blocks; i++)
    for (uint32_t r = 0; r < t->rows[i]; r++)
      sum_float_row(t, t->offset[i] + r * LINE, width, acc + (i * BLOCK_ROWS + r) * width);
}

/* clamp(rint(y), 0, most) of one column of a row. */
static uint32_t finish(const int32_t *row, uint32_t lane, const epilogue *e, float most)
{
  float sum;
  if (e->floats) {
    memcpy(&sum, &row[lane], sizeof sum);
  } else {
    uint32_t acc = (uint32_t)row[lane];
    if (e->fixed)
      acc = 256 * acc + (uint32_t)row[e->halves * LANES + lane];
    if (e->offset)
      acc = 2 * acc + (uint32_t)e->offset[lane];
    sum = (float)(int32_t)acc;
  }
  const float y = sum * e->scale[lane] + e->shift[lane];
  const float clamped = y > 0 ? (y < most ? y : most) : 0; /* a NaN becomes 0 */
  /* Adding and taking away 1.5 * 2^23 rounds half to even. */
  return (uint32_t)((clamped + 12582912.0f) - 12582912.0f);
}

static void finish_bytes(const int32_t *acc, uint32_t rows, const epilogue *e, const size_t *places)
{
  const uint32_t width = e->halves * LANES;
  for (uint32_t r = 0; r < rows; r++, acc += e->fixed ? 2 * width : width)
    for (uint32_t lane = 0; places[r] != NOWHERE && lane < width; lane++)
      e->out[places[r] + lane] = (uint8_t)finish(acc, lane, e, 255);
}

static void finish_floats(const float *acc, uint32_t rows, const epilogue *e, const size_t *places)
{
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t half = 0; half < e->halves; half++, acc += LANES) {
      float *to =
          places[r] == NOWHERE ? NULL : (float *)(void *)(e->out + places[r] + half * e->out_chunk);
      for (uint32_t lane = 0; to && lane < LANES; lane++) {
        const float y = acc[lane] * e->scale[half * LANES + lane] + e->shift[half * LANES + lane];
        to[lane] = y > 0 ? y : 0;
      }
    }
}

static void finish_levels(const int32_t *acc, uint32_t rows, const epilogue *e,
                          const uint8_t *table, uint8_t *levels)
{
  for (uint32_t r = 0; r < rows; r++, acc += e->fixed ? 2 * LANES : LANES)
    for (uint32_t lane = 0; lane < LANES; lane++)
      *levels++ = table[finish(acc, lane, e, 4095)];
}

const isa pbgen_portable = {
    .name = "portable",
    .available = available,
    .row_step = 1,
    .float_row_step = 1,
    .images = 16,
    .words = 1,
    .expand = expand,
    .sum_bytes = sum_bytes,
    .sum_bits = sum_bits,
    .sum_floats = sum_floats,
    .finish_bytes = finish_bytes,
    .finish_floats = finish_floats,
    .finish_levels = finish_levels,
};
