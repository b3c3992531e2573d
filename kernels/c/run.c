/* The loop nests, once for every instruction set: latents -> layers -> pixels.
 * How activations lie in memory is layout.h's. */
#include <string.h>

#include "job.h"

#define ACC_BYTES (MAX_BLOCKS * BLOCK_ROWS * 2 * LANES * sizeof(int32_t))

/* The scratch of one call. */
typedef struct workspace {
  int32_t *acc;
  uint8_t *panel;
  uint8_t *planes[2]; /* input of even and odd layers */
} workspace;

/* Place the workspace for `images` images at `scratch` (or nowhere); returns its bytes. */
static size_t place(const plan *p, uint32_t images, uint8_t *scratch, workspace *w)
{
  size_t planes[2] = {0, 0}, panel = 0;
  for (uint32_t i = 0; i < p->count; i++) {
    const layer_plan *l = &p->layers[i];
    const layout a = layout_of(l, images, row_step(p));
    if (a.bytes > planes[i % 2])
      planes[i % 2] = a.bytes;
    for (uint32_t group = 0; l->precision == PBGEN_BINARY && group < groups_of(l); group++) {
      tap taps[MAX_TAPS];
      const size_t bytes =
          list_taps(l, group, taps) * panel_quads(l) * panel_halves(l, 0) * LANES * 4;
      if (bytes > panel)
        panel = bytes;
    }
  }
  const size_t acc_end = ACC_BYTES, panel_end = acc_end + round_up(panel, PBGEN_ALIGNMENT);
  const size_t even_end = panel_end + round_up(planes[0], PBGEN_ALIGNMENT);
  if (scratch)
    *w = (workspace){
        (int32_t *)(void *)scratch, scratch + acc_end, {scratch + panel_end, scratch + even_end}};
  return even_end + round_up(planes[1], PBGEN_ALIGNMENT);
}

/* Sum and finish the blocks that the tile has gathered. */
static void flush(const job *j, tile *t)
{
  const uint32_t width = t->halves * LANES;
  if (j->l->precision == PBGEN_FLOAT)
    j->ops->sum_floats(t, (float *)(void *)j->acc);
  else
    j->ops->sum_bytes(t, j->acc);
  for (uint32_t i = 0; i < t->blocks; i++)
    (j->to ? finish_hidden : finish_image)(j, j->acc + (size_t)i * BLOCK_ROWS * width, t->rows[i],
                                           j->at[i]);
  t->blocks = 0;
  t->fresh = 0;
}

static void add_block(job *j, tile *t, size_t offset, uint32_t rows, cursor at)
{
  if (t->blocks == MAX_BLOCKS)
    flush(j, t);
  j->at[t->blocks] = at;
  t->rows[t->blocks] = rows;
  t->offset[t->blocks++] = offset;
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
  t->halves = j->e.fixed ? 2 : j->halves;
  t->channels = j->l->c_in;
  t->narrow = j->l->precision == PBGEN_BINARY;
  t->fresh = j->fresh;
  t->once = 0;
  t->chunk = j->in.chunk;
}

static void add_tap(const job *j, tile *t, uint32_t i, const uint8_t *a)
{
  t->a[t->taps] = a;
  t->bits[t->taps] = j->bits[i];
  t->b[t->taps++] = j->panel[i];
}

/* All positions form one run: taps outside the image find zeros. */
static void do_one_run(job *j, tile *t)
{
  const layout *in = &j->in;
  const uint32_t positions = positions_of(j->l);
  const uint32_t rows = ((positions - 1) * in->pitch + positions) * in->slots;
  const ptrdiff_t line = (ptrdiff_t)line_bytes(in), copy = (ptrdiff_t)in->copy;
  begin_tile(j, t);
  t->once = rows <= MAX_BLOCKS * BLOCK_ROWS;
  for (uint32_t i = 0; i < j->tap_count; i++)
    add_tap(j, t, i, j->from + in->center + j->taps[i].dy * line + j->taps[i].dx * copy);
  cursor at = {0, 0, 0};
  for (uint32_t row = 0; row < rows; row += BLOCK_ROWS) {
    const uint32_t count = rows - row < BLOCK_ROWS ? rows - row : BLOCK_ROWS;
    add_block(j, t, (size_t)row * LINE, count, at);
    for (uint32_t r = 0; r < count; r++)
      advance(j, &at);
  }
  flush(j, t);
}

/* The positions y0 ... y1, x0 ... x1, which the same taps reach. */
static void do_rectangle(job *j, tile *t, uint32_t y0, uint32_t y1, uint32_t x0, uint32_t x1)
{
  const layer_plan *l = j->l;
  begin_tile(j, t);
  t->once = positions_of(l) == 1;
  for (uint32_t i = 0; i < j->tap_count; i++) {
    const tap *reach = &j->taps[i];
    if (inside(l, y0, reach->dy) && inside(l, x0, reach->dx))
      add_tap(j, t, i,
              j->from + row_offset(&j->in, (uint32_t)((int32_t)y0 + reach->dy),
                                   (uint32_t)((int32_t)x0 + reach->dx), 0));
  }
  for (uint32_t y = y0; y < y1; y++)
    for (uint32_t x = x0; x < x1; x++)
      add_block(j, t, row_offset(&j->in, y - y0, x - x0, 0), j->images, (cursor){y, x, 0});
  flush(j, t);
}

static void do_panel(job *j)
{
  const layer_plan *l = j->l;
  const uint32_t positions = positions_of(l);
  tile t;
  if (j->in.one_run) {
    do_one_run(j, &t);
    return;
  }
  for (uint32_t y = 0; y < positions; y = end_of_run(l, y))
    for (uint32_t x = 0; x < positions; x = end_of_run(l, x))
      do_rectangle(j, &t, y, end_of_run(l, y), x, end_of_run(l, x));
}

/* Point at the weights of a panel; expand binary ones, unless their only run can do so as it goes.
 */
static uint8_t *ready_panel(job *j, uint8_t *packed, uint8_t *panel)
{
  const layer_plan *l = j->l;
  const size_t tap_bytes = panel_tap_bytes(l, j->halves);
  const size_t expanded = panel_quads(l) * j->halves * LANES * 4;
  const int binary = l->precision == PBGEN_BINARY, usable = binary && !l->combined;
  const int one_run = j->in.one_run || positions_of(l) == 1;
  j->fresh = usable && one_run;
  for (uint32_t i = 0; i < j->tap_count; i++, packed += tap_bytes) {
    j->bits[i] = packed;
    j->panel[i] = binary ? panel + i * expanded : packed;
    if (binary && !j->fresh)
      j->ops->expand(packed, eights_of(bit_quads(l), j->halves), j->taps[i].valid, j->panel[i]);
  }
  return packed;
}

static void do_layer(job *j, uint8_t *panel)
{
  const layer_plan *l = j->l;
  uint8_t *memory = (uint8_t *)(uintptr_t)j->p;
  uint8_t *packed = memory + l->weights;
  for (j->group = 0; j->group < groups_of(l); j->group++) {
    j->tap_count = list_taps(l, j->group, j->taps);
    for (j->column = 0; j->column < l->columns; j->column += panel_columns(l)) {
      const size_t group_column = j->group * padded_columns(l) + j->column;
      j->halves = panel_halves(l, j->column);
      packed = ready_panel(j, packed, panel);
      j->e = (epilogue){
          .offset =
              l->offsets ? (const int32_t *)(void *)(memory + l->offsets) + group_column : NULL,
          .scale = (const float *)(void *)(memory + l->scales) + j->column,
          .shift = (const float *)(void *)(memory + l->shifts) + j->column,
          .halves = j->halves,
          .fixed = l->precision == PBGEN_FIXED,
          .floats = l->precision == PBGEN_FLOAT,
          .out_chunk = j->out.chunk,
      };
      do_panel(j);
    }
  }
}

static void run_images(const plan *p, const uint8_t *latents, uint32_t images, uint8_t *pixels,
                       uint8_t *scratch)
{
  workspace w;
  place(p, images, scratch, &w);
  job j = {.p = p, .ops = pbgen_isas[p->isa_index], .images = images, .pixels = pixels};
  j.acc = w.acc;
  j.in = layout_of(&p->layers[0], images, row_step(p));
  load_latents(&p->layers[0], &j.in, latents, images, w.planes[0]);
  for (uint32_t i = 0; i < p->count; i++) {
    j.l = &p->layers[i];
    j.from = w.planes[i % 2];
    j.to = NULL;
    if (j.in.one_run)
      spread(j.l, &j.in, w.planes[i % 2]);
    if (i + 1 < p->count) {
      j.out = layout_of(j.l + 1, images, row_step(p));
      j.to = w.planes[(i + 1) % 2];
      /* Channels that no panel writes must be zero. */
      if (padded_columns(j.l) * element_bytes(j.l) % LINE)
        memset(j.to, 0, j.out.bytes);
    }
    do_layer(&j, w.panel);
    j.in = j.out;
  }
}

int pbgen_scratch_bytes(const void *prepared, uint32_t images, size_t *bytes)
{
  /* A smaller group at the end of a batch may need the shifted layout's copies. */
  *bytes = 0;
  for (uint32_t group = 1; group <= group_images(prepared) && group <= images; group++) {
    const size_t needed = place(prepared, group, NULL, NULL);
    if (needed > *bytes)
      *bytes = needed;
  }
  return PBGEN_OK;
}

int pbgen_run(const void *prepared, const uint8_t *latents, uint32_t images, uint8_t *pixels,
              void *scratch, size_t scratch_bytes)
{
  const plan *p = prepared;
  size_t needed;
  if (p->magic != PLAN_MAGIC || (uintptr_t)prepared % PBGEN_ALIGNMENT)
    return PBGEN_BAD_MEMORY;
  pbgen_scratch_bytes(prepared, images, &needed);
  if (scratch_bytes < needed || (uintptr_t)scratch % PBGEN_ALIGNMENT)
    return PBGEN_BAD_MEMORY;
  const layer_plan *last = &p->layers[p->count - 1];
  const size_t image_bytes = (size_t)last->size_out * last->size_out * 3;
  const isa *ops = pbgen_isas[p->isa_index];
  ops->begin();
  for (uint32_t done = 0; done < images; done += group_images(p)) {
    const uint32_t left = images - done;
    const uint32_t group = left < group_images(p) ? left : group_images(p);
    run_images(p, latents + (size_t)done * p->layers[0].c_in, group, pixels + done * image_bytes,
               scratch);
  }
  ops->end();
  return PBGEN_OK;
}
