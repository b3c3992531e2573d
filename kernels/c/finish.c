/* Epilogues that are the same for every instruction set. */
#include <string.h>

#include "job.h"

static float affine(const job *j, uint32_t lane, float acc)
{
  return acc * j->e.scale[lane] + j->e.shift[lane];
}

/* The sum of an integer layer as an int32, from a row of acc. */
static int32_t total(const job *j, const int32_t *row, uint32_t lane)
{
  uint32_t sum = (uint32_t)row[lane];
  if (j->e.fixed)
    sum = 256 * sum + (uint32_t)row[LANES + lane];
  if (j->e.offset)
    sum = 2 * sum + (uint32_t)j->e.offset[lane];
  return (int32_t)sum;
}

void finish_floats(const job *j, uint32_t rows, uint8_t *const *out)
{
  const uint32_t width = j->halves * LANES;
  const float *acc = (const float *)(const void *)j->acc;
  for (uint32_t r = 0; r < rows; r++, acc += width) {
    float *to = (float *)(void *)out[r];
    for (uint32_t lane = 0; to && lane < width; lane++) {
      const float y = affine(j, lane, acc[lane]);
      to[lane] = y > 0 ? y : 0;
    }
  }
}

void finish_pixels(const job *j, uint32_t row, uint32_t y, uint32_t x, uint32_t image)
{
  const layer_plan *l = j->l;
  const uint32_t width = (j->e.fixed ? 2 : j->halves) * LANES;
  const int32_t *acc = j->acc + (size_t)row * width;
  for (uint32_t lane = 0; lane < l->columns; lane++) {
    const uint32_t phase = l->combined ? lane / l->c_out : j->group;
    const uint32_t to_y = y * l->step + phase / l->step, to_x = x * l->step + phase % l->step;
    if (to_y >= l->size_out || to_x >= l->size_out)
      continue;
    float sum;
    if (l->precision == PBGEN_FLOAT)
      memcpy(&sum, &acc[lane], sizeof sum);
    else
      sum = (float)total(j, acc, lane);
    const float t = affine(j, lane, sum);
    /* Adding and taking away 1.5 * 2^23 rounds half to even. A NaN becomes 0. */
    const float clamped = t > 0 ? (t < PBGEN_TANH_LEVELS - 1 ? t : PBGEN_TANH_LEVELS - 1) : 0;
    const uint32_t level = (uint32_t)((clamped + 12582912.0f) - 12582912.0f);
    const size_t pixel = ((size_t)image * l->size_out + to_y) * l->size_out + to_x;
    j->pixels[pixel * 3 + lane % l->c_out] = j->p->tanh_table[level];
  }
}
