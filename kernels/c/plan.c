#include "plan.h"

#include <string.h>

uint32_t list_taps(const layer_plan *l, uint32_t group, tap taps[MAX_TAPS])
{
  uint32_t count = 0;
  for (int32_t dy = l->d_high; dy >= l->d_low; dy--)
    for (int32_t dx = l->d_high; dx >= l->d_low; dx--) {
      uint64_t valid = 0;
      if (l->combined) {
        for (uint32_t column = 0; column < l->columns; column++) {
          uint32_t phase = column / l->c_out;
          if (kernel_index(l, phase / l->step, dy) >= 0 &&
              kernel_index(l, phase % l->step, dx) >= 0)
            valid |= (uint64_t)15 << (4 * column);
        }
      } else if (kernel_index(l, group / l->step, dy) >= 0 &&
                 kernel_index(l, group % l->step, dx) >= 0) {
        valid = ~(uint64_t)0;
      }
      if (valid)
        taps[count++] = (tap){dy, dx, valid};
    }
  return count;
}

size_t panel_tap_bytes(const layer_plan *l, uint32_t halves)
{
  if (l->precision == PBGEN_BINARY)
    return eights_of(bit_quads(l), halves) * 64;
  if (l->precision == PBGEN_FIXED)
    return panel_quads(l) * 2 * LANES * 4;
  if (l->precision == PBGEN_XNOR)
    return (size_t)(input_bytes(l) + 3) / 4 * halves * LANES * 4;
  return (size_t)l->c_in * halves * LANES * sizeof(float);
}

static size_t group_weight_bytes(const layer_plan *l, uint32_t group)
{
  tap taps[MAX_TAPS];
  size_t bytes = 0, count = list_taps(l, group, taps);
  for (uint32_t column = 0; column < l->columns; column += panel_columns(l))
    bytes += count * panel_tap_bytes(l, panel_halves(l, column));
  return bytes;
}

static int plan_layer(const pbgen_layer *in, int last, layer_plan *l)
{
  const uint32_t k = in->kernel, s = in->stride, p = in->padding;
  if (in->c_in < 1 || in->c_in > 65536 || in->c_out < 1 || in->c_out > 65536 || k < 1 ||
      k > PBGEN_MAX_KERNEL || s < 1 || s > PBGEN_MAX_KERNEL || p >= k || in->size_in < 1 ||
      in->size_in > PBGEN_MAX_SIZE || in->precision > PBGEN_XNOR)
    return PBGEN_BAD_GEOMETRY;
  const int64_t size_out = (int64_t)(in->size_in - 1) * s - 2 * (int64_t)p + k;
  if (size_out < 1 || size_out > PBGEN_MAX_SIZE)
    return PBGEN_BAD_GEOMETRY;
  memset(l, 0, sizeof *l);
  l->c_in = in->c_in, l->c_out = in->c_out, l->kernel = k, l->padding = p;
  l->size_in = in->size_in, l->size_out = (uint32_t)size_out, l->precision = in->precision;
  l->step = in->size_in == 1 ? l->size_out : s;
  l->combined = last && l->step > 1 && (uint64_t)l->step * l->step * l->c_out <= LANES &&
                l->precision != PBGEN_XNOR;
  l->columns = l->combined ? l->step * l->step * l->c_out : l->c_out;
  /* Offsets that some position and some kernel row share. */
  const int32_t last_position = (int32_t)(positions_of(l) - 1);
  l->d_low = 1, l->d_high = 0;
  for (int32_t d = -last_position; d < (int32_t)l->size_in; d++)
    for (uint32_t r = 0; r < l->step; r++)
      if (kernel_index(l, r, d) >= 0) {
        if (l->d_low > l->d_high)
          l->d_low = d;
        l->d_high = d;
      }
  return PBGEN_OK;
}

static size_t take(size_t *end, size_t bytes)
{
  const size_t start = *end;
  *end = round_up(start + bytes, PBGEN_ALIGNMENT);
  return start;
}

static int plan_all(const pbgen_layer *layers, uint32_t count, plan *p)
{
  if (count < 1 || count > PBGEN_MAX_LAYERS || layers[0].size_in != 1)
    return PBGEN_BAD_GEOMETRY;
  memset(p, 0, sizeof *p);
  p->magic = PLAN_MAGIC, p->count = count;
  p->bytes = round_up(sizeof *p, PBGEN_ALIGNMENT);
  for (uint32_t i = 0; i < count; i++) {
    layer_plan *l = &p->layers[i];
    const int status = plan_layer(&layers[i], i + 1 == count, l);
    if (status)
      return status;
    if (i && (l->c_in != l[-1].c_out || l->size_in != l[-1].size_out ||
              (l->precision == PBGEN_FLOAT) != (l[-1].precision == PBGEN_FLOAT)))
      return PBGEN_BAD_GEOMETRY;
    for (uint32_t group = 0; group < groups_of(l); group++)
      l->weight_bytes += group_weight_bytes(l, group);
    l->weights = take(&p->bytes, l->weight_bytes);
    if (i == 0 && l->precision != PBGEN_FLOAT && l->precision != PBGEN_XNOR)
      l->offsets = take(&p->bytes, groups_of(l) * padded_columns(l) * sizeof(int32_t));
    l->scales = take(&p->bytes, padded_columns(l) * sizeof(float));
    l->shifts = take(&p->bytes, padded_columns(l) * sizeof(float));
  }
  return p->layers[count - 1].c_out == 3 ? PBGEN_OK : PBGEN_BAD_GEOMETRY;
}

/* One weight of the caller's array: column of a group, tap, input channel. Binary ones are +-1. */
typedef struct source {
  const layer_plan *l;
  const pbgen_layer *in;
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

static void pack_bits(const source *s, uint32_t column, const tap *t, uint8_t *out, uint32_t halves,
                      int32_t *sums)
{
  const size_t row_bytes = (s->l->c_in + 7) / 8;
  for (uint32_t lane = 0; lane < halves * LANES; lane++) {
    const ptrdiff_t from = source_row(s, column + lane, t);
    if (from < 0)
      continue;
    const uint8_t *bits = (const uint8_t *)s->in->weight + (size_t)from * row_bytes;
    for (uint32_t i = 0; i < s->l->c_in; i++) {
      const uint32_t bit = bits[i / 8] >> (i % 8) & 1;
      const uint32_t row = i / 4 * halves + lane / LANES;
      if (s->l->tables)
        out[i / 8 * halves * LANES + lane] |= (uint8_t)(bit << (i % 8));
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
static void pack_fixed(const source *s, uint32_t column, const tap *t, uint32_t words, int8_t *out,
                       int32_t *sums)
{
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

static void pack_layer(const pbgen_layer *in, const layer_plan *l, uint32_t words, uint8_t *memory)
{
  uint8_t *out = memory + l->weights;
  for (uint32_t group = 0; group < groups_of(l); group++) {
    const source s = {l, in, group};
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
          pack_fixed(&s, column, &taps[i], words, (int8_t *)out, sums);
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

int pbgen_prepared_bytes(const pbgen_layer *layers, uint32_t count, size_t *bytes)
{
  plan p;
  const int status = plan_all(layers, count, &p);
  *bytes = status ? 0 : p.bytes;
  return status;
}

int pbgen_prepare(const pbgen_layer *layers, uint32_t count, const uint8_t *tanh_table,
                  uint32_t isa_index, void *memory, size_t bytes)
{
  if (!pbgen_isa_available(isa_index))
    return PBGEN_BAD_ISA;
  plan p;
  const int status = plan_all(layers, count, &p);
  if (status)
    return status;
  if (bytes < p.bytes || (uintptr_t)memory % PBGEN_ALIGNMENT)
    return PBGEN_BAD_MEMORY;
  p.isa_index = isa_index;
  memcpy(p.tanh_table, tanh_table, sizeof p.tanh_table);
  for (layer_plan *l = p.layers; l < p.layers + count; l++)
    l->tables = pbgen_isas[isa_index]->tabulate && l->precision == PBGEN_BINARY && !l->combined;
  memset(memory, 0, p.bytes);
  memcpy(memory, &p, sizeof p);
  for (uint32_t i = 0; i < count; i++)
    pack_layer(&layers[i], &p.layers[i], pbgen_isas[isa_index]->words, memory);
  return PBGEN_OK;
}

int pbgen_resident_bytes(const void *prepared, size_t bytes[5])
{
  const plan *p = prepared;
  memset(bytes, 0, 5 * sizeof *bytes);
  for (const layer_plan *l = p->layers; l < p->layers + p->count; l++) {
    bytes[l->precision] += l->weight_bytes;
    if (l->offsets)
      bytes[l->precision] += groups_of(l) * padded_columns(l) * sizeof(int32_t);
    bytes[4] += 2 * padded_columns(l) * sizeof(float);
  }
  return PBGEN_OK;
}
