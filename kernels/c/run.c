/* The loop nests, once for every instruction set: latents -> layers -> pixels.
 * How activations lie in memory is layout.h's. */
#include <string.h>

#include "job.h"

#define GROUP_IMAGES 16 /* run together: an expanded panel of weights serves them all */
#define ACC_BYTES (TILE_ROWS * 2 * LANES * sizeof(int32_t))

/* The scratch of one call. */
typedef struct workspace {
  int32_t *acc;
  int8_t *panel;
  uint8_t *planes[2]; /* input of even and odd layers */
} workspace;

/* Place the workspace for `images` images at `scratch` (or nowhere); returns its bytes. */
static size_t place(const plan *p, uint32_t images, uint8_t *scratch, workspace *w)
{
  size_t planes[2] = {0, 0}, panel = 0;
  for (uint32_t i = 0; i < p->count; i++) {
    const layer_plan *l = &p->layers[i];
    const layout a = layout_of(l, images);
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
    *w = (workspace){(int32_t *)(void *)scratch,
                     (int8_t *)scratch + acc_end,
                     {scratch + panel_end, scratch + even_end}};
  return even_end + round_up(planes[1], PBGEN_ALIGNMENT);
}

/* A run of tile rows: positions (y, x0 ... ) times images, and the taps that all of them share. */
typedef struct run {
  uint32_t y, x, rows;
  tile t;
} run;

/* Sum and finish the rows of a run, a tile at a time. */
static void do_run(const job *j, run *s)
{
  const layer_plan *l = j->l;
  const uint32_t images = j->in.images, all = s->rows;
  const uint32_t ry = j->group / l->step, rx = j->group % l->step;
  const size_t element = element_bytes(l);
  uint32_t y = s->y, x = s->x, image = 0;
  for (uint32_t done = 0; done < all; done += TILE_ROWS) {
    uint8_t *out[TILE_ROWS];
    tile t = s->t;
    t.rows = all - done < TILE_ROWS ? all - done : TILE_ROWS;
    for (uint32_t i = 0; i < t.taps; i++)
      t.a[i] += done * t.stride;
    if (l->precision == PBGEN_FLOAT)
      j->ops->sum_floats(&t, (float *)(void *)j->acc);
    else
      j->ops->sum_bytes(&t, j->acc);
    for (uint32_t r = 0; r < t.rows; r++) {
      if (!j->to) {
        finish_pixels(j, r, y, x, image);
      } else {
        const uint32_t to_y = y * l->step + ry, to_x = x * l->step + rx;
        const size_t pixel = ((size_t)to_y * j->out.pitch + to_x) * images + image;
        const int inside = to_y < l->size_out && to_x < l->size_out;
        out[r] = inside ? j->to + j->out.center + pixel * j->out.channel_bytes + j->column * element
                        : NULL;
      }
      if (++image == images) {
        image = 0;
        if (++x == j->in.pitch && j->in.copies > 1) /* a plain run keeps to its row */
          x = 0, y++;
      }
    }
    if (j->to && l->precision == PBGEN_FLOAT)
      finish_floats(j, t.rows, out);
    else if (j->to)
      j->ops->finish_bytes(j->acc, t.rows, &j->e, out);
  }
}

static void begin_run(const job *j, run *s, uint32_t y, uint32_t x)
{
  s->y = y, s->x = x;
  s->t = (tile){.halves = j->e.fixed ? 2 : j->halves,
                .channels = j->l->c_in,
                .narrow = j->l->precision == PBGEN_BINARY,
                .stride = j->in.channel_bytes};
}

static void add_tap(const job *j, run *s, uint32_t tap_index)
{
  const tap *t = &j->taps[tap_index];
  const size_t pixel = j->in.images * j->in.channel_bytes;
  ptrdiff_t offset = ((ptrdiff_t)s->y + t->dy) * j->in.pitch + s->x;
  ptrdiff_t copy = 0;
  if (j->in.copies > 1)
    copy = t->dx * (ptrdiff_t)j->in.plane_bytes;
  else
    offset += t->dx;
  s->t.a[s->t.taps] = j->from + j->in.center + copy + offset * (ptrdiff_t)pixel;
  s->t.b[s->t.taps++] = j->weights[tap_index];
}

static int inside(const layer_plan *l, uint32_t position, int32_t d)
{
  const int64_t at = (int64_t)position + d;
  return at >= 0 && at < l->size_in;
}

/* Whether the taps that reach positions x and x + 1 are the same. */
static int same_taps(const layer_plan *l, uint32_t x)
{
  for (int32_t d = l->d_low; d <= l->d_high; d++)
    if (inside(l, x, d) != inside(l, x + 1, d))
      return 0;
  return 1;
}

static void do_panel(const job *j)
{
  const layer_plan *l = j->l;
  const uint32_t positions = positions_of(l);
  run s;
  if (j->in.copies > 1) {
    begin_run(j, &s, 0, 0);
    s.rows = positions * j->in.pitch * j->in.images;
    for (uint32_t i = 0; i < j->tap_count; i++)
      add_tap(j, &s, i);
    do_run(j, &s);
    return;
  }
  for (uint32_t y = 0; y < positions; y++)
    for (uint32_t x = 0, end; x < positions; x = end) {
      for (end = x + 1; end < positions && same_taps(l, end - 1); end++) {
      }
      begin_run(j, &s, y, x);
      s.rows = (end - x) * j->in.images;
      for (uint32_t i = 0; i < j->tap_count; i++)
        if (inside(l, y, j->taps[i].dy) && inside(l, x, j->taps[i].dx))
          add_tap(j, &s, i);
      do_run(j, &s);
    }
}

/* Make the panel's weights ready: binary ones are expanded to bytes, others are used in place. */
static const uint8_t *ready_panel(job *j, const uint8_t *packed, int8_t *panel)
{
  const layer_plan *l = j->l;
  const size_t tap_bytes = panel_tap_bytes(l, j->halves);
  const size_t expanded = panel_quads(l) * j->halves * LANES * 4;
  for (uint32_t i = 0; i < j->tap_count; i++, packed += tap_bytes) {
    if (l->precision != PBGEN_BINARY) {
      j->weights[i] = packed;
      continue;
    }
    int8_t *to = panel + i * expanded;
    j->ops->expand((const uint64_t *)(const void *)packed, bit_quads(l), j->halves,
                   j->taps[i].valid, to);
    j->weights[i] = (const uint8_t *)to;
  }
  return packed;
}

static void do_layer(job *j, int8_t *panel)
{
  const layer_plan *l = j->l;
  const uint8_t *memory = (const uint8_t *)j->p;
  const uint8_t *packed = memory + l->weights;
  for (j->group = 0; j->group < groups_of(l); j->group++) {
    j->tap_count = list_taps(l, j->group, j->taps);
    for (j->column = 0; j->column < l->columns; j->column += panel_columns(l)) {
      j->halves = panel_halves(l, j->column);
      packed = ready_panel(j, packed, panel);
      const size_t group_column = j->group * padded_columns(l) + j->column;
      j->e = (epilogue){
          .offset = l->offsets ? (const int32_t *)(const void *)(memory + l->offsets) + group_column
                               : NULL,
          .scale = (const float *)(const void *)(memory + l->scales) + j->column,
          .shift = (const float *)(const void *)(memory + l->shifts) + j->column,
          .halves = j->halves,
          .fixed = l->precision == PBGEN_FIXED,
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
  job j = {.p = p, .ops = pbgen_isas[p->isa_index], .acc = w.acc, .pixels = pixels};
  j.in = layout_of(&p->layers[0], images);
  load_latents(&p->layers[0], &j.in, latents, w.planes[0]);
  for (uint32_t i = 0; i < p->count; i++) {
    j.l = &p->layers[i];
    j.from = w.planes[i % 2];
    j.to = NULL;
    if (j.in.copies > 1)
      spread(j.l, &j.in, w.planes[i % 2]);
    if (i + 1 < p->count) {
      j.out = layout_of(j.l + 1, images);
      j.to = w.planes[(i + 1) % 2];
      /* Channels that no panel writes must be zero. */
      if (padded_columns(j.l) * element_bytes(j.l) != j.out.channel_bytes)
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
  for (uint32_t group = 1; group <= GROUP_IMAGES && group <= images; group++) {
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
  for (uint32_t done = 0; done < images; done += GROUP_IMAGES) {
    const uint32_t group = images - done < GROUP_IMAGES ? images - done : GROUP_IMAGES;
    run_images(p, latents + (size_t)done * p->layers[0].c_in, group, pixels + done * image_bytes,
               scratch);
  }
  return PBGEN_OK;
}
