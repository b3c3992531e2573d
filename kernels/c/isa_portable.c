/* Plain C11: any machine, and the yardstick of the others. Products and sums of floats are rounded
 * apart, so float generators differ from the FMA instruction sets in the last bits. */
#include <string.h>

#include "isa.h"

static int available(void)
{
  return 1;
}

static void expand(const uint64_t *bits, size_t quads, uint32_t halves, uint64_t valid,
                   int8_t *panel)
{
  for (size_t i = 0; i < quads * halves; i++)
    for (uint32_t bit = 0; bit < 64; bit++)
      panel[64 * i + bit] = (int8_t)((valid >> bit & 1) ? (int)(bits[i] >> bit & 1) * 2 - 1 : 0);
}

static void sum_bytes(const tile *t, int32_t *acc)
{
  const uint32_t width = t->halves * LANES, quads = (t->channels + 3) / 4;
  for (uint32_t r = 0; r < t->rows; r++, acc += width) {
    memset(acc, 0, width * sizeof *acc);
    for (uint32_t i = 0; i < t->taps; i++) {
      const uint8_t *a = t->a[i] + r * t->stride;
      const int8_t *b = t->b[i];
      for (uint32_t quad = 0; quad < quads; quad++, a += 4, b += 4 * width)
        for (uint32_t lane = 0; lane < width; lane++)
          acc[lane] += a[0] * b[4 * lane] + a[1] * b[4 * lane + 1] + a[2] * b[4 * lane + 2] +
                       a[3] * b[4 * lane + 3];
    }
  }
}

static void sum_floats(const tile *t, float *acc)
{
  const uint32_t width = t->halves * LANES;
  for (uint32_t r = 0; r < t->rows; r++, acc += width) {
    memset(acc, 0, width * sizeof *acc);
    for (uint32_t i = 0; i < t->taps; i++) {
      const float *a = (const float *)(const void *)(t->a[i] + r * t->stride);
      const float *b = t->b[i];
      for (uint32_t k = 0; k < t->channels; k++, b += width)
        for (uint32_t lane = 0; lane < width; lane++)
          acc[lane] += a[k] * b[lane];
    }
  }
}

static void finish_bytes(const int32_t *acc, uint32_t rows, const epilogue *e, uint8_t *const *out)
{
  const uint32_t width = e->halves * LANES;
  for (uint32_t r = 0; r < rows; r++, acc += e->fixed ? 2 * width : width) {
    for (uint32_t lane = 0; out[r] && lane < width; lane++) {
      uint32_t sum = (uint32_t)acc[lane];
      if (e->fixed)
        sum = 256 * sum + (uint32_t)acc[width + lane];
      if (e->offset)
        sum = 2 * sum + (uint32_t)e->offset[lane];
      const float y = (float)(int32_t)sum * e->scale[lane] + e->shift[lane];
      const float clamped = y > 0 ? (y < 255 ? y : 255) : 0;
      /* Adding and taking away 1.5 * 2^23 rounds half to even. */
      out[r][lane] = (uint8_t)((clamped + 12582912.0f) - 12582912.0f);
    }
  }
}

const isa pbgen_portable = {"portable", available, expand, sum_bytes, sum_floats, finish_bytes};
