/* The wanted rows of a tile, wherever they lie, a few at a time. Static: each file compiles its own
 * copy. */
#ifndef PBGEN_ROWS_H
#define PBGEN_ROWS_H

#include "isa.h"

#define MOST_ROWS 8

typedef struct row_group {
  size_t offset[MOST_ROWS]; /* from each tap's a */
  int32_t *acc[MOST_ROWS];
} row_group;

/* The next `count` rows from row *r of block *i on; where there are fewer, the last again. Returns
 * how many there were. */
static inline uint32_t next_rows(const tile *t, uint32_t *i, uint32_t *r, uint32_t count,
                                 int32_t *acc, row_group *g)
{
  uint32_t found = 0;
  for (; found < count && *i < t->blocks; found++) {
    g->offset[found] = t->offset[*i] + *r * LINE;
    g->acc[found] = acc + (size_t)(*i * BLOCK_ROWS + *r) * t->halves * LANES;
    if (++*r == t->rows[*i])
      *r = 0, ++*i;
  }
  for (uint32_t n = found; found && n < count; n++)
    g->offset[n] = g->offset[found - 1], g->acc[n] = g->acc[found - 1];
  return found;
}

#endif
