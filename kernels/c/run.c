/* A call: latents -> layers -> pixels, by one thread or a team. */
#include <fenv.h>
#include <string.h>

#include "job.h"
#include "team.h"

#define MOST_CALLS 1000 /* that a helper takes part in before it looks whether it should end */
#define HALF_BYTES (MAX_BLOCKS * BLOCK_ROWS * LANES * sizeof(int32_t)) /* of a half's sums */

/* The scratch of one call, as a member sees it. */
typedef struct workspace {
  int32_t *acc;
  uint8_t *panel; /* or tables */
  size_t *places;
  uint8_t *planes[2]; /* input of even and odd layers; the team's */
} workspace;

static size_t larger(size_t a, size_t b)
{
  return a > b ? a : b;
}

/* Bytes that the panel of the layer needs. */
static size_t panel_bytes(const layer_plan *l)
{
  size_t most = 0;
  for (uint32_t group = 0; l->precision == PBGEN_BINARY && !l->tables && group < groups_of(l);
       group++) {
    tap taps[MAX_TAPS];
    const size_t bytes =
        list_taps(l, group, taps) * panel_quads(l) * panel_halves(l, 0) * LANES * 4;
    most = larger(most, bytes);
  }
  return most;
}

/* Place the workspace for `images` images at `scratch` (or nowhere); returns its bytes. */
static size_t place(const plan *p, uint32_t images, uint32_t member, uint32_t members,
                    uint8_t *scratch, workspace *w)
{
  size_t planes[2] = {0, 0}, panel = 0, rows = 0, halves = 2;
  for (uint32_t i = 0; i < p->count; i++) {
    const layer_plan *l = &p->layers[i];
    const layout in = layout_of(l, images, row_step(p));
    planes[i % 2] = larger(planes[i % 2], in.bytes);
    panel = larger(panel, panel_bytes(l));
    if (l->tables) {
      const uint32_t together = images_together(p, l, images);
      const layout near = tables_layout(l, pbgen_isas[p->isa_index]->tables, together);
      panel = larger(panel, tables_bytes(l, &near));
      halves = larger(halves, l->tables);
    }
    if (i + 1 < p->count)
      rows = larger(rows, (size_t)positions_of(l) * line_positions(l, &in) * images);
  }
  const size_t places = halves * HALF_BYTES + round_up(panel, PBGEN_ALIGNMENT);
  const size_t own = places + round_up(rows * sizeof(size_t), PBGEN_ALIGNMENT);
  const size_t start = members * own;
  const size_t odd = start + round_up(planes[0], PBGEN_ALIGNMENT);
  if (scratch) {
    uint8_t *mine = scratch + member * own;
    *w = (workspace){(int32_t *)(void *)mine,
                     mine + halves * HALF_BYTES,
                     (size_t *)(void *)(mine + places),
                     {scratch + start, scratch + odd}};
  }
  return odd + round_up(planes[1], PBGEN_ALIGNMENT);
}

/* What a layer needs beside its input's bytes, in shares: 0, this; from 1 on, zeros around the
 * input and its copies. */
static void prepare_layer(job *j, uint32_t i, const uint8_t *latents, const workspace *w)
{
  uint8_t *from = w->planes[i % 2];
  /* Channels that no panel writes must be zero. */
  const int clear = j->to && padded_columns(j->l) * channel_bits(j->l + 1) / 8 % LINE;
  const uint32_t spreading = !i || !j->in.one_run        ? 0
                             : j->in.chunks < j->members ? j->in.chunks
                                                         : j->members;
  if (i && !clear && !spreading)
    return;
  begin_phase(&j->worker, 1 + spreading);
  for (uint32_t share; (share = next_share(&j->worker)) != NO_SHARE;) {
    if (share) {
      spread(j->l, &j->in, share - 1, spreading, from);
      continue;
    }
    if (i == 0)
      load_latents(j->l, &j->in, latents, j->images, from);
    if (clear)
      memset(j->to, 0, j->out.bytes);
  }
}

static void run_images(job *j, const uint8_t *latents, const workspace *w)
{
  const plan *p = j->p;
  j->in = layout_of(&p->layers[0], j->images, row_step(p));
  for (uint32_t i = 0; i < p->count; i++) {
    j->l = &p->layers[i];
    j->from = w->planes[i % 2];
    j->to = NULL;
    if (i + 1 < p->count) {
      j->out = layout_of(j->l + 1, j->images, row_step(p));
      j->to = w->planes[(i + 1) % 2];
    }
    if (j->l->tables)
      j->near = tables_layout(j->l, j->ops->tables, images_together(p, j->l, j->images));
    prepare_layer(j, i, latents, w);
    do_layer(j);
    j->in = j->out;
  }
}

/* Bytes for groups of up to `images` images: a smaller one may have the layout that takes more. */
static size_t most_bytes(const plan *p, uint32_t images, uint32_t members)
{
  size_t most = 0;
  for (uint32_t group = 1; group <= group_images(p) && group <= images; group++)
    most = larger(most, place(p, group, 0, members, NULL, NULL));
  return most;
}

/* The images that members run apart, a group each: nothing passes from one's cache to another's.
 * `whole` full groups, then `rest` of `each` images; the others are left to the team. */
typedef struct apart {
  uint32_t whole, rest, each;
} apart;

/* As many groups as keep all members at work, none of them less than half full. Not of floats,
 * whose weights would come from far for each. */
static apart apart_of(const plan *p, uint32_t images, uint32_t members)
{
  apart a = {0, 0, 0};
  if (members == 1 || p->layers[0].precision == PBGEN_FLOAT)
    return a;
  const uint32_t group = group_images(p), round = images / group / members;
  a.whole = round * members;
  const uint32_t left = images - a.whole * group;
  a.each = (uint32_t)(((uint64_t)left + members - 1) / members);
  if (2 * a.each >= group && (uint64_t)a.each * (members - 1) < left)
    a.rest = members;
  return a;
}

int pbgen_scratch_bytes(const void *prepared, uint32_t images, uint32_t members, size_t *bytes)
{
  *bytes = 0;
  if (members < 1)
    return PBGEN_BAD_TEAM;
  const apart a = apart_of(prepared, images, members);
  *bytes = most_bytes(prepared, images, members);
  if (a.whole || a.rest)
    *bytes = larger(*bytes, members * most_bytes(prepared, images, 1));
  return PBGEN_OK;
}

/* A call, as all members of a team read it. */
typedef struct call {
  const plan *p;
  const uint8_t *latents;
  uint32_t images, members;
  uint8_t *pixels, *scratch;
} call;

/* `images` images from `first` on, by the members of the job. */
static void run_group(job *j, const call *c, uint32_t first, uint32_t images, uint32_t member,
                      uint8_t *scratch)
{
  const layer_plan *last = &j->p->layers[j->p->count - 1];
  workspace w;
  j->images = images;
  j->pixels = c->pixels + (size_t)first * last->size_out * last->size_out * 3;
  place(j->p, images, member, j->members, scratch, &w);
  j->acc = w.acc, j->expanded = j->tables = w.panel, j->places = w.places;
  run_images(j, c->latents + (size_t)first * j->p->layers[0].c_in, &w);
}

/* The groups that members run apart, while there are; returns how many images these are. */
static uint32_t run_apart(const call *c, worker *w, uint32_t member)
{
  const apart a = apart_of(c->p, c->images, c->members);
  const uint32_t group = group_images(c->p), whole = a.whole * group;
  if (!a.whole && !a.rest)
    return 0;
  uint8_t *scratch = c->scratch + member * most_bytes(c->p, c->images, 1);
  begin_phase(w, a.whole + a.rest);
  for (uint32_t share; (share = next_share(w)) != NO_SHARE;) {
    job j = {.p = c->p, .ops = pbgen_isas[c->p->isa_index], .members = 1};
    const uint32_t first = share < a.whole ? share * group : whole + (share - a.whole) * a.each;
    const uint32_t most = share < a.whole ? group : a.each, left = c->images - first;
    run_group(&j, c, first, most < left ? most : left, 0, scratch);
  }
  return a.rest ? c->images : whole;
}

/* One member's part: of the groups that are run apart, and then of those that all run together.
 * Sums are rounded to nearest and denormals kept, whatever mode the thread is in; it is given back
 * as it was. */
static worker take_part(const call *c, team *t, uint32_t member)
{
  job j = {.p = c->p, .ops = pbgen_isas[c->p->isa_index], .members = c->members};
  j.worker.team = t;
  fenv_t callers;
  fegetenv(&callers);
  fesetenv(FE_DFL_ENV);
  if (j.ops->begin)
    j.ops->begin();
  for (uint32_t done = run_apart(c, &j.worker, member); done < c->images; done += j.images) {
    const uint32_t left = c->images - done, group = group_images(c->p);
    run_group(&j, c, done, left < group ? left : group, member, c->scratch);
  }
  if (j.ops->end)
    j.ops->end();
  fesetenv(&callers);
  return j.worker;
}

int pbgen_run(const void *prepared, const uint8_t *latents, uint32_t images, uint8_t *pixels,
              void *scratch, size_t scratch_bytes, void *team, uint32_t members)
{
  const call c = {prepared, latents, images, members, pixels, scratch};
  size_t needed;
  if (c.p->magic != PLAN_MAGIC || (uintptr_t)prepared % PBGEN_ALIGNMENT)
    return PBGEN_BAD_MEMORY;
  if (members < 1 || (members > 1) != (team != NULL))
    return PBGEN_BAD_TEAM;
  pbgen_scratch_bytes(prepared, images, members, &needed);
  if (scratch_bytes < needed || (uintptr_t)scratch % PBGEN_ALIGNMENT ||
      (uintptr_t)team % PBGEN_ALIGNMENT)
    return PBGEN_BAD_MEMORY;
  if (team)
    open_call(team, &c);
  worker w = take_part(&c, team, 0);
  if (team)
    close_call(&w);
  return PBGEN_OK;
}

void pbgen_help(void *team, uint32_t member)
{
  uint32_t seen = 0, calls = 0;
  for (const call *c; calls < MOST_CALLS && (c = enter_call(team, &seen));
       leave_call(team), calls++)
    if (member < c->members)
      take_part(c, team, member);
}
