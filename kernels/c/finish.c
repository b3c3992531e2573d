/* Epilogues: where the results of a tile go. How they are rounded is each instruction set's. */
#include <string.h>

#include "job.h"

/* The top bits of eight bytes. */
static uint8_t top_bits(const uint8_t *bytes)
{
  uint64_t eight;
  memcpy(&eight, bytes, sizeof eight);
  /* Bit 8k times 2^(56 - 7k) is bit 56 + k; no other product gets there. */
  return (uint8_t)((eight >> 7 & 0x0101010101010101u) * 0x0102040810204080u >> 56);
}

/* Rows of sums -> results of which the next layer takes the top bits alone. */
static void finish_bits(const job *j, const int32_t *acc, uint32_t rows, uint8_t *const *out)
{
  uint8_t bytes[BLOCK_ROWS][2 * LANES], *to[BLOCK_ROWS] = {NULL};
  for (uint32_t r = 0; r < rows; r++)
    to[r] = out[r] ? bytes[r] : NULL;
  j->ops->finish_bytes(acc, rows, &j->e, to);
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; out[r] && i < j->halves * LANES; i += 8)
      out[r][i / 8] = top_bits(bytes[r] + i);
}

/* Rows of sums -> results as tables. */
static void finish_tables(const job *j, const int32_t *acc, uint32_t rows, uint8_t *const *out)
{
  uint8_t bytes[BLOCK_ROWS][2 * LANES], *to[BLOCK_ROWS] = {NULL};
  for (uint32_t r = 0; r < rows; r++)
    to[r] = out[r] ? bytes[r] : NULL;
  j->ops->finish_bytes(acc, rows, &j->e, to);
  const uint32_t left = (j->l->c_out - j->column + 7) / 8, all = j->halves * LANES / 8;
  const uint32_t chunks = left < all ? left : all;
  for (uint32_t r = 0; r < rows; r++) {
    uint8_t *tables[2 * LANES / 8];
    for (uint32_t c = 0; out[r] && c < chunks; c++)
      tables[c] = out[r] + c * j->out.chunk;
    if (out[r])
      j->ops->tabulate(bytes[r], 2 * chunks, tables);
  }
}

void finish_hidden(const job *j, const int32_t *acc, uint32_t rows, cursor at)
{
  const layer_plan *l = j->l;
  const uint32_t ry = j->group / l->step, rx = j->group % l->step;
  const size_t column_bytes = j->column * channel_bits(l + 1) / 8;
  const size_t pixel_bytes = row_offset(&j->out, 0, l->step, 0); /* between a line's positions */
  uint8_t *first = j->to + j->out.center + column_bytes / LINE * j->out.chunk + column_bytes % LINE;
  uint8_t *out[BLOCK_ROWS];
  for (uint32_t r = 0; r < rows;) { /* a line of positions */
    const uint32_t y = at.y * l->step + ry, line = at.y;
    uint32_t x = at.x * l->step + rx;
    uint8_t *pixel = first + row_offset(&j->out, y, x, 0);
    for (; r < rows && at.y == line; x += l->step, pixel += pixel_bytes) {
      const int inside = y < l->size_out && x < l->size_out;
      do { /* the images of a pixel follow each other */
        out[r++] = inside && at.image < j->images ? pixel + at.image * LINE : NULL;
        advance(j, &at);
      } while (at.image && r < rows);
    }
  }
  if (l->precision == PBGEN_FLOAT)
    j->ops->finish_floats((const float *)(const void *)acc, rows, &j->e, out);
  else if (l[1].precision == PBGEN_XNOR)
    finish_bits(j, acc, rows, out);
  else if (l[1].tables)
    finish_tables(j, acc, rows, out);
  else
    j->ops->finish_bytes(acc, rows, &j->e, out);
}

/* The grey levels of one position of one image: a run of them for each line of its phases. */
static void place_pixels(const job *j, cursor at, const uint8_t *levels)
{
  const layer_plan *l = j->l;
  const uint32_t side = l->combined ? l->step : 1;
  const uint32_t y = at.y * l->step + (l->combined ? 0 : j->group / l->step);
  const uint32_t x = at.x * l->step + (l->combined ? 0 : j->group % l->step);
  for (uint32_t py = 0; py < side && y + py < l->size_out; py++, levels += side * 3) {
    const size_t line = ((size_t)at.image * l->size_out + y + py) * l->size_out;
    uint8_t *to = j->pixels + (line + x) * 3;
    for (uint32_t px = 0; px < side && x + px < l->size_out; px++)
      memcpy(to + 3 * px, levels + 3 * px, 3);
  }
}

/* The usual last layer: four phases together, of positions that are pixels of the input. */
static int in_quads(const layer_plan *l)
{
  return l->combined && l->step == 2 && l->size_out == 2 * l->size_in;
}

static void place_quads(const job *j, uint32_t rows, cursor at, const uint8_t *levels)
{
  const size_t line = (size_t)j->l->size_out * 3, image = j->l->size_out * line;
  for (uint32_t r = 0; r < rows; r++, levels += LANES, advance(j, &at)) {
    if (at.image >= j->images || at.x >= j->l->size_in)
      continue;
    uint8_t *to = j->pixels + at.image * image + 2 * at.y * line + 6 * (size_t)at.x;
    memcpy(to, levels, 6);
    memcpy(to + line, levels + 6, 6);
  }
}

void finish_image(const job *j, const int32_t *acc, uint32_t rows, cursor at)
{
  uint8_t levels[BLOCK_ROWS * LANES];
  j->ops->finish_levels(acc, rows, &j->e, j->p->tanh_table, levels);
  if (in_quads(j->l)) {
    place_quads(j, rows, at, levels);
    return;
  }
  for (uint32_t r = 0; r < rows; r++, advance(j, &at))
    if (at.image < j->images)
      place_pixels(j, at, levels + r * LANES);
}
