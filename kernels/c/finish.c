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

/* Rows of sums -> bytes, for those whose results are others. */
static void finish_aside(const job *j, const int32_t *acc, uint32_t rows,
                         uint8_t bytes[BLOCK_ROWS][MAX_HALVES * LANES])
{
  size_t places[BLOCK_ROWS];
  epilogue e = j->e;
  e.out = bytes[0], e.out_chunk = LINE;
  for (uint32_t r = 0; r < BLOCK_ROWS; r++)
    places[r] = r * sizeof bytes[0];
  j->ops->finish_bytes(acc, rows, &e, places);
}

/* Rows of sums -> results of which the next layer takes the top bits alone. */
static void finish_bits(const job *j, const int32_t *acc, uint32_t rows, const size_t *places)
{
  uint8_t bytes[BLOCK_ROWS][MAX_HALVES * LANES];
  finish_aside(j, acc, rows, bytes);
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; places[r] != NOWHERE && i < j->halves * LANES; i += 8)
      j->e.out[places[r] + i / 8] = top_bits(bytes[r] + i);
}

void list_places(job *j)
{
  const layer_plan *l = j->l;
  const uint32_t ry = j->group / l->step, rx = j->group % l->step;
  size_t *to = j->places;
  if (j->placed)
    return;
  for (uint32_t y = j->y0; y < j->y1; y++)
    for (uint32_t x = 0; x < line_positions(l, &j->in); x++) {
      const uint32_t out_y = y * l->step + ry, out_x = x * l->step + rx;
      const int inside = out_y < l->size_out && out_x < l->size_out;
      for (uint32_t i = 0; i < j->together; i++)
        *to++ = inside ? row_offset(&j->out, out_y, out_x, j->image + i) : NOWHERE;
    }
  j->placed = 1;
}

void finish_hidden(const job *j, const int32_t *acc, uint32_t rows, uint32_t first)
{
  const size_t *places = j->places + first;
  if (j->l->precision == PBGEN_FLOAT)
    j->ops->finish_floats((const float *)(const void *)acc, rows, &j->e, places);
  else if (j->l[1].precision == PBGEN_XNOR)
    finish_bits(j, acc, rows, places);
  else
    j->ops->finish_bytes(acc, rows, &j->e, places);
}

/* A row: one image of one position. */
typedef struct cursor {
  uint32_t y, x, image;
} cursor;

static cursor cursor_of(const job *j, uint32_t row)
{
  const uint32_t position = row / j->together, line = line_positions(j->l, &j->in);
  return (cursor){j->y0 + position / line, position % line, j->image + row % j->together};
}

static void advance(const job *j, cursor *at)
{
  if (++at->image == j->image + j->together) {
    at->image = j->image;
    if (++at->x == line_positions(j->l, &j->in))
      at->x = 0, at->y++;
  }
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
    if (at.x >= j->l->size_in)
      continue;
    uint8_t *to = j->pixels + at.image * image + 2 * at.y * line + 6 * (size_t)at.x;
    memcpy(to, levels, 6);
    memcpy(to + line, levels + 6, 6);
  }
}

void finish_image(const job *j, const int32_t *acc, uint32_t rows, uint32_t first)
{
  cursor at = cursor_of(j, first);
  uint8_t levels[BLOCK_ROWS * LANES];
  j->ops->finish_levels(acc, rows, &j->e, j->p->tanh_table, levels);
  if (in_quads(j->l)) {
    place_quads(j, rows, at, levels);
    return;
  }
  for (uint32_t r = 0; r < rows; r++, advance(j, &at))
    place_pixels(j, at, levels + r * LANES);
}
