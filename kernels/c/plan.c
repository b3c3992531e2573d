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
  if (l->tables)
    return round_up((size_t)divide_up(l->c_in, 8) * halves * LANES, PBGEN_ALIGNMENT);
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
  const isa *ops = pbgen_isas[isa_index];
  for (layer_plan *l = p.layers; ops->tables && l < p.layers + count; l++)
    if (l->precision == PBGEN_BINARY && !l->combined && l->columns % ops->tables->columns == 0)
      l->tables = ops->tables->halves;
  memset(memory, 0, p.bytes);
  memcpy(memory, &p, sizeof p);
  for (uint32_t i = 0; i < count; i++)
    pack_layer(&layers[i], &p.layers[i], ops, memory);
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
