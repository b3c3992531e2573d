/* Tables for sums by look-up: made of a band of lines at a time, which stays in L2 while all panels
 * pass over it. */
#include "tables.h"

#include <string.h>

#include "job.h"

/* A layer has as many bands as its tables have of these bytes, so that each stays in L2: a band's
 * are up to twice as many, and those of the lines that it shares with its neighbours. */
#define NEAR_TABLES (1 << 18)

layout tables_layout(const layer_plan *l, const lookup *how, uint32_t images)
{
  layout a = {.slots = images, .copies = 1, .pitch = l->size_in, .lines = l->size_in};
  a.chunks = how->chunks(l->c_in) + 1;
  a.chunk = (size_t)images * LINE;
  a.pixel = a.chunks * a.chunk;
  a.bytes = (size_t)a.lines * a.pitch * a.pixel;
  return a;
}

uint32_t tabled_lines(const layer_plan *l, const layout *tables)
{
  const uint32_t bands = (uint32_t)(tables->bytes / NEAR_TABLES);
  return divide_up(positions_of(l), bands ? bands : 1);
}

size_t tables_bytes(const layer_plan *l, const layout *tables)
{
  const uint32_t lines = tabled_lines(l, tables) + (uint32_t)(l->d_high - l->d_low);
  return (lines < l->size_in ? lines : l->size_in) * tables->pitch * tables->pixel;
}

static void tabulate_row(const job *j, const uint8_t *from, uint8_t *to)
{
  const lookup *how = j->ops->tables;
  const uint32_t channels = j->l->c_in;
  uint8_t bytes[TABLED + 32] = {0};
  int32_t sum = 0;
  for (uint32_t done = 0; done < channels; done += TABLED) {
    const uint32_t count = channels - done < TABLED ? channels - done : TABLED;
    uint8_t *end = bytes;
    for (uint32_t c = 0; c < chunks_of(count); c++, from += j->in.chunk, end += LINE)
      memcpy(end, from, LINE);
    memset(end, 0, 32);
    sum += how->tabulate(bytes, count, to, j->near.chunk);
    to += how->chunks(count) * j->near.chunk;
  }
  memcpy(to, &sum, sizeof sum);
}

void make_tables(job *j)
{
  const layer_plan *l = j->l;
  /* The lines that all taps together reach: d_low <= 0 <= d_high. */
  const uint32_t above = (uint32_t)-l->d_low, end = j->y1 + (uint32_t)l->d_high;
  const uint32_t from = j->y0 < above ? 0 : j->y0 - above;
  const uint32_t to = end < l->size_in ? end : l->size_in;
  if (from >= j->tabled_from && to <= j->tabled_to)
    return;
  for (uint32_t y = from; y < to; y++)
    for (uint32_t x = 0; x < l->size_in; x++)
      for (uint32_t i = 0; i < j->together; i++)
        tabulate_row(j, j->from + row_offset(&j->in, y, x, j->image + i),
                     j->tables + row_offset(&j->near, y - from, x, i));
  j->tabled_from = from, j->tabled_to = to;
}
