/* A layer's weights, as a tile takes them: see isa.h. */
#include <string.h>

#include "plan.h"

/* One weight of the caller's array: column of a group, tap, input channel. Binary ones are +-1. */
typedef struct source {
  const layer_plan *l;
  const pbgen_layer *in;
  const isa *ops;
  uint32_t group;
} source;

/* Where the weights of a column and tap start, as an index of rows [ky][kx][o], or -1. */
static ptrdiff_t source_row(const source *s, uint32_t column, const tap *t)
{
  const layer_plan *l = s->l;
  if (column >= l->columns)
    return -1;
  const uint32_t phase = l->combined ? column / l->c_out : s->group;
  const uint32_t o = l->combined ? column % l->c_out : column;
  const int32_t ky = kernel_index(l, phase / l->step, t->dy);
  const int32_t kx = kernel_index(l, phase % l->step, t->dx);
  if (ky < 0 || kx < 0)
    return -1;
  return (ptrdiff_t)(((uint32_t)ky * l->kernel + (uint32_t)kx) * (size_t)l->c_out + o);
}

/* Where a panel of tables has a column: unpacking bytes to words and these to int32_t in each lane
 * of a register puts them in order. */
static uint32_t place_of_column(uint32_t column, uint32_t lanes)
{
  const uint32_t all = LANES * lanes, quarter = all / 4, c = column % all;
  return column - c + c / quarter * 4 + c % quarter / 4 * LANES + c % 4;
}

static void pack_bits(const source *s, uint32_t column, const tap *t, uint8_t *out, uint32_t halves,
                      int32_t *sums)
{
  const size_t row_bytes = (s->l->c_in + 7) / 8;
  for (uint32_t lane = 0; lane < halves * LANES; lane++) {
    const ptrdiff_t from = source_row(s, column + lane, t);
    if (from < 0)
      continue;
    const uint8_t *bits = (const uint8_t *)s->in->weight + (size_t)from * row_bytes;
    const uint32_t place = s->l->tables ? place_of_column(lane, s->ops->tables->lanes) : 0;
    for (uint32_t i = 0; i < s->l->c_in; i++) {
      const uint32_t bit = bits[i / 8] >> (i % 8) & 1;
      const uint32_t row = i / 4 * halves + lane / LANES;
      if (s->l->tables)
        out[i / 8 * halves * LANES + place] |= (uint8_t)(bit << (i % 8));
      else
        out[row / 8 * 64 + lane % LANES * 4 + i % 4] |= (uint8_t)(bit << (row % 8));
      if (sums)
        sums[column + lane] += bit ? 1 : -1;
    }
  }
}

/* Bits as they are, but those behind the last channel clear, as they are in the input. */
static void pack_xnor(const source *s, uint32_t column, const tap *t, uint8_t *out, uint32_t halves)
{
  const uint32_t row_bytes = input_bytes(s->l), rest = s->l->c_in % 8;
  for (uint32_t lane = 0; lane < halves * LANES; lane++) {
    const ptrdiff_t from = source_row(s, column + lane, t);
    if (from < 0)
      continue;
    const uint8_t *bits = (const uint8_t *)s->in->weight + (size_t)from * row_bytes;
    uint8_t *to = out + lane * 4;
    for (uint32_t i = 0; i < row_bytes; i++)
      to[i / 4 * halves * LANES * 4 + i % 4] = bits[i];
    if (rest)
      to[(row_bytes - 1) / 4 * halves * LANES * 4 + (row_bytes - 1) % 4] &=
          (uint8_t)((1u << rest) - 1);
  }
}

/* words: as they are; else w = 256 * high + low, signed bytes in two halves (see tile). */
static void pack_fixed(const source *s, uint32_t column, const tap *t, int8_t *out, int32_t *sums)
{
  const uint32_t words = s->ops->words;
  const int lines = lies_by_line(s->l, words);
  for (uint32_t lane = 0; lane < LANES; lane++) {
    const ptrdiff_t row = source_row(s, column + lane, t);
    if (row < 0)
      continue;
    const uint32_t to = lines ? lane / PAIR_LANES * LANES + lane % PAIR_LANES : lane;
    const int16_t *w = (const int16_t *)s->in->weight + (size_t)row * s->l->c_in;
    for (uint32_t i = 0; i < s->l->c_in; i++) {
      int8_t *quad = out + i / 4 * 2 * LANES * 4;
      const uint32_t at = to * 4 + i % 4;
      const int32_t low = ((w[i] + 128) & 255) - 128;
      if (words) {
        memcpy(quad + 2 * at, &w[i], 2);
      } else {
        quad[at] = (int8_t)((w[i] - low) / 256);
        quad[(lines ? LOW_LANE : LANES) * 4 + at] = (int8_t)low;
      }
      if (sums)
        sums[column + lane] += w[i];
    }
  }
}

static void pack_floats(const source *s, uint32_t column, const tap *t, float *out, uint32_t halves)
{
  for (uint32_t lane = 0; lane < halves * LANES; lane++) {
    const ptrdiff_t row = source_row(s, column + lane, t);
    if (row < 0)
      continue;
    const float *w = (const float *)s->in->weight + (size_t)row * s->l->c_in;
    for (uint32_t i = 0; i < s->l->c_in; i++)
      out[(size_t)i * halves * LANES + lane] = w[i];
  }
}

void pack_layer(const pbgen_layer *in, const layer_plan *l, const isa *ops, uint8_t *memory)
{
  uint8_t *out = memory + l->weights;
  for (uint32_t group = 0; group < groups_of(l); group++) {
    const source s = {l, in, ops, group};
    int32_t *sums =
        l->offsets ? (int32_t *)(memory + l->offsets) + group * padded_columns(l) : NULL;
    tap taps[MAX_TAPS];
    const uint32_t count = list_taps(l, group, taps);
    for (uint32_t column = 0; column < l->columns; column += panel_columns(l)) {
      const uint32_t halves = panel_halves(l, column);
      for (uint32_t i = 0; i < count; i++, out += panel_tap_bytes(l, halves)) {
        if (l->precision == PBGEN_BINARY)
          pack_bits(&s, column, &taps[i], out, halves, sums);
        else if (l->precision == PBGEN_FIXED)
          pack_fixed(&s, column, &taps[i], (int8_t *)out, sums);
        else if (l->precision == PBGEN_XNOR)
          pack_xnor(&s, column, &taps[i], out, halves);
        else
          pack_floats(&s, column, &taps[i], (float *)(void *)out, halves);
      }
    }
    /* Sum of w * (2q - 255) = 2 * sum of w * q - 255 * sum of w. */
    for (size_t column = 0; sums && column < padded_columns(l); column++)
      sums[column] *= -255;
  }
  float *scales = (float *)(void *)(memory + l->scales);
  float *shifts = (float *)(void *)(memory + l->shifts);
  for (uint32_t column = 0; column < l->columns; column++) {
    scales[column] = in->scale[column % l->c_out];
    shifts[column] = in->shift[column % l->c_out];
  }
}
