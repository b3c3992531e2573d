/* The loop nests, once for every instruction set: a layer's groups, panels, runs and tiles. The
 * members of a team share a layer's panels, and where there are few, bands of its lines; if it is
 * looked up, its bands first, as each member makes the tables of its own. */
#include "job.h"

#define PARTS 4        /* of a layer for each member, at least */
#define MOST_SHARES 16 /* for each member */

/* Bytes of inputs that stay in L2 while all panels pass over them. Weights are read again for each
 * band. */
#define NEAR_FLOATS (1 << 20)

/* Sum and finish the blocks that the tile has gathered. */
static void flush(job *j, tile *t)
{
  const uint32_t width = t->halves * LANES;
  if (j->l->precision == PBGEN_FLOAT)
    j->ops->sum_floats(t, (float *)(void *)j->acc);
  else if (j->l->precision == PBGEN_XNOR)
    j->ops->sum_bits(t, j->acc);
  else if (j->l->tables)
    j->ops->tables->sum(t, j->acc);
  else
    j->ops->sum_bytes(t, j->acc);
  for (uint32_t i = 0; i < t->blocks; i++)
    (j->to ? finish_hidden : finish_image)(j, j->acc + (size_t)i * BLOCK_ROWS * width, t->rows[i],
                                           j->row[i]);
  t->blocks = 0;
  t->fresh = 0;
}

/* A block of rows from row `first` on. */
static void add_block(job *j, tile *t, size_t offset, uint32_t first, uint32_t rows)
{
  if (t->blocks == MAX_BLOCKS)
    flush(j, t);
  j->row[t->blocks] = first;
  t->rows[t->blocks] = rows;
  t->first[t->blocks] = 0;
  t->end[t->blocks] = t->taps;
  t->offset[t->blocks++] = offset;
}

/* Leaves out the taps that find only zeros from the block added last, which lies on lines y0 ...
 * y1. They come in descending order of dy. */
static void leave_out_zeros(const job *j, tile *t, uint32_t y0, uint32_t y1)
{
  uint32_t *first = &t->first[t->blocks - 1], *end = &t->end[t->blocks - 1];
  while (*first < *end && (int64_t)y0 + j->taps[*first].dy >= j->l->size_in)
    ++*first;
  while (*end > *first && (int64_t)y1 + j->taps[*end - 1].dy < 0)
    --*end;
}

static int inside(const layer_plan *l, uint32_t position, int32_t d)
{
  const int64_t at = (int64_t)position + d;
  return at >= 0 && at < l->size_in;
}

/* The end of the positions from `start` on that the same taps reach, along one axis. */
static uint32_t end_of_run(const layer_plan *l, uint32_t start)
{
  uint32_t end = start + 1;
  for (; end < positions_of(l); end++)
    for (int32_t d = l->d_low; d <= l->d_high; d++)
      if (inside(l, start, d) != inside(l, end, d))
        return end;
  return end;
}

static void begin_tile(const job *j, tile *t)
{
  t->taps = t->blocks = 0;
  t->halves = j->e.fixed ? 2 * j->halves : j->halves;
  t->channels = j->l->precision == PBGEN_XNOR ? input_bytes(j->l) : j->l->c_in;
  t->words = j->l->precision == PBGEN_FIXED && j->ops->words;
  t->by_line = j->e.by_line;
  t->from[0] = t->from[1] = t->to[0] = t->to[1] = 0;
  t->fresh = j->fresh;
  t->once = 0;
  t->chunk = j->l->tables ? j->near.chunk : j->in.chunk;
}

static void add_tap(const job *j, tile *t, uint32_t i, const uint8_t *a)
{
  for (uint32_t half = 0; half < 2; half++)
    if (!t->by_line || kernel_index(j->l, half, j->taps[i].dy) >= 0) {
      t->from[half] = t->to[half] ? t->from[half] : t->taps;
      t->to[half] = t->taps + 1;
    }
  t->a[t->taps] = a;
  t->bits[t->taps] = j->bits[i];
  t->valid[t->taps] = j->taps[i].valid;
  t->b[t->taps++] = j->panel[i];
}

/* All positions form one run: taps outside the image find zeros. */
static void do_one_run(job *j, tile *t)
{
  const layout *in = &j->in;
  const uint32_t line_rows = in->pitch * in->slots, start = j->y0 * line_rows;
  const uint32_t rows = (j->y1 - j->y0 - 1) * line_rows + positions_of(j->l) * in->slots;
  const ptrdiff_t line = (ptrdiff_t)line_bytes(in), copy = (ptrdiff_t)in->copy;
  begin_tile(j, t);
  t->once = rows <= MAX_BLOCKS * BLOCK_ROWS;
  for (uint32_t i = 0; i < j->tap_count; i++)
    add_tap(j, t, i, j->from + in->center + j->taps[i].dy * line + j->taps[i].dx * copy);
  uint32_t y = j->y0, at = 0; /* the block's first line, and its first row there */
  for (uint32_t row = 0; row < rows; row += BLOCK_ROWS, at += BLOCK_ROWS) {
    const uint32_t count = rows - row < BLOCK_ROWS ? rows - row : BLOCK_ROWS;
    for (; at >= line_rows; at -= line_rows)
      y++;
    uint32_t y1 = y;
    for (uint32_t last = at + count - 1; last >= line_rows; last -= line_rows)
      y1++;
    add_block(j, t, (size_t)(start + row) * LINE, row, count);
    leave_out_zeros(j, t, y, y1);
  }
  flush(j, t);
}

/* The positions y0 ... y1, x0 ... x1, which the same taps reach. */
static void do_rectangle(job *j, tile *t, uint32_t y0, uint32_t y1, uint32_t x0, uint32_t x1)
{
  const layer_plan *l = j->l;
  const layout *in = l->tables ? &j->near : &j->in;
  const uint8_t *from = l->tables ? j->tables : j->from;
  const int32_t above = l->tables ? (int32_t)j->tabled_from : 0;
  begin_tile(j, t);
  t->once = positions_of(l) == 1;
  for (uint32_t i = 0; i < j->tap_count; i++) {
    const tap *reach = &j->taps[i];
    if (inside(l, y0, reach->dy) && inside(l, x0, reach->dx))
      add_tap(j, t, i,
              from + row_offset(in, (uint32_t)((int32_t)y0 + reach->dy - above),
                                (uint32_t)((int32_t)x0 + reach->dx), 0));
  }
  for (uint32_t i = 0; i < 2 * LANES; i++)
    j->counts[i] = (int32_t)(t->taps * l->c_in);
  for (uint32_t y = y0; y < y1; y++)
    for (uint32_t x = x0; x < x1; x++)
      add_block(j, t, row_offset(in, y - y0, x - x0, 0),
                ((y - j->y0) * positions_of(l) + x) * j->together, j->together);
  flush(j, t);
}

static void do_panel(job *j)
{
  const layer_plan *l = j->l;
  tile t;
  if (j->in.one_run) {
    do_one_run(j, &t);
    return;
  }
  for (uint32_t y = j->y0, end; y < j->y1; y = end) {
    end = end_of_run(l, y) < j->y1 ? end_of_run(l, y) : j->y1;
    for (uint32_t x = 0; x < positions_of(l); x = end_of_run(l, x))
      do_rectangle(j, &t, y, end, x, end_of_run(l, x));
  }
}

/* Point at the weights of a panel; expand binary ones, unless their only run can do so as it goes.
 */
static void ready_panel(job *j, uint8_t *packed)
{
  const layer_plan *l = j->l;
  const size_t tap_bytes = panel_tap_bytes(l, j->halves);
  const size_t expanded = panel_quads(l) * j->halves * LANES * 4;
  const int binary = l->precision == PBGEN_BINARY && !l->tables, usable = binary && !l->combined;
  const int one_run = j->in.one_run || positions_of(l) == 1;
  j->fresh = usable && one_run;
  for (uint32_t i = 0; i < j->tap_count; i++, packed += tap_bytes) {
    j->bits[i] = packed;
    j->panel[i] = binary ? j->expanded + i * expanded : packed;
    if (binary && !j->fresh)
      j->ops->expand(packed, eights_of(bit_quads(l), j->halves), j->taps[i].valid, j->panel[i]);
  }
}

static void do_one_panel(job *j, uint8_t *packed)
{
  const layer_plan *l = j->l;
  const uint8_t *memory = (const uint8_t *)j->p;
  const size_t group_column = j->group * padded_columns(l) + j->column;
  const int32_t *offsets = l->precision == PBGEN_XNOR ? j->counts : NULL;
  if (l->offsets)
    offsets = (const int32_t *)(const void *)(memory + l->offsets) + group_column;
  j->e = (epilogue){
      .offset = offsets,
      .scale = (const float *)(const void *)(memory + l->scales) + j->column,
      .shift = (const float *)(const void *)(memory + l->shifts) + j->column,
      .halves = j->halves,
      .fixed = l->precision == PBGEN_FIXED && !j->ops->words,
      .by_line = lies_by_line(l, j->ops->words),
      .floats = l->precision == PBGEN_FLOAT,
      .out_chunk = j->out.chunk,
  };
  if (j->to) {
    const size_t at = j->column * channel_bits(l + 1) / 8;
    j->e.out = j->to + j->out.center + at / LINE * j->out.chunk + at % LINE;
    list_places(j);
  }
  ready_panel(j, packed);
  if (l->tables)
    make_tables(j);
  do_panel(j);
}

/* The panels from the group's column `first` on that fill a line of results; returns where the next
 * panel's weights are. If `mine` is false, does but that. */
static uint8_t *do_panels(job *j, uint32_t first, uint32_t columns, uint8_t *packed, int mine)
{
  const layer_plan *l = j->l;
  for (j->column = first; j->column < first + columns && j->column < l->columns;
       j->column += panel_columns(l)) {
    j->halves = panel_halves(l, j->column);
    if (mine)
      do_one_panel(j, packed);
    packed += j->tap_count * panel_tap_bytes(l, j->halves);
  }
  return packed;
}

/* Bands that keep their inputs in L2; bytes have the instruction set's number of images for that.
 */
static uint32_t near_bands(const job *j)
{
  if (j->l->tables)
    return divide_up(positions_of(j->l), tabled_lines(j->l, &j->near));
  return j->l->precision == PBGEN_FLOAT ? (uint32_t)(j->in.bytes / NEAR_FLOATS) : 1;
}

void do_layer(job *j)
{
  const layer_plan *l = j->l;
  /* Members get whole lines of results, or they would take them from each other. */
  const uint32_t line = LINE * 8 / channel_bits(j->to ? l + 1 : l), positions = positions_of(l);
  const uint32_t columns = line > panel_columns(l) ? line : panel_columns(l);
  const uint32_t parts = groups_of(l) * divide_up(l->columns, columns);
  const uint32_t most = images_together(j->p, l, j->images), runs = divide_up(j->images, most);
  /* Enough parts for members to end together, but not so many that taking them costs time. */
  uint32_t wanted = j->members > 1 ? divide_up(PARTS * j->members, parts) : 1;
  if (l->tables || near_bands(j) > wanted)
    wanted = near_bands(j);
  if (l->tables && runs < j->members)
    wanted = (uint32_t)round_up(wanted, j->members);
  const uint32_t lines = divide_up(positions, wanted), bands = divide_up(positions, lines);
  const uint32_t all = parts * bands * runs;
  const int apart = l->tables && bands * runs >= j->members;
  const uint32_t share = apart ? parts : divide_up(all, MOST_SHARES * j->members);
  begin_phase(&j->worker, divide_up(all, share));
  uint32_t mine = next_share(&j->worker), part = 0;
  for (uint32_t at = 0; at < bands * runs && mine != NO_SHARE; at++) {
    uint8_t *packed = (uint8_t *)(uintptr_t)j->p + l->weights;
    j->image = at / bands * most;
    j->together = j->images - j->image < most ? j->images - j->image : most;
    j->y0 = at % bands * lines;
    j->y1 = j->y0 + lines < positions ? j->y0 + lines : positions;
    if (j->y0 == 0) /* the tables are another image's, or another layer's */
      j->tabled_from = j->tabled_to = 0;
    for (j->group = 0; j->group < groups_of(l) && mine != NO_SHARE; j->group++) {
      j->tap_count = list_taps(l, j->group, j->taps);
      j->placed = 0;
      for (uint32_t first = 0; first < l->columns; first += columns, part++) {
        packed = do_panels(j, first, columns, packed, part / share == mine);
        if (part / share == mine && (part % share == share - 1 || part == all - 1))
          mine = next_share(&j->worker);
      }
    }
  }
}
