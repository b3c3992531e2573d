/* One panel of one group of one layer: what the loop nests hand around. */
#ifndef PBGEN_JOB_H
#define PBGEN_JOB_H

#include "layout.h"
#include "tables.h"
#include "team.h"

/* What one panel of one group needs, and where its results go. */
typedef struct job {
  const plan *p;
  const layer_plan *l;
  const isa *ops;
  uint32_t images;
  uint32_t image, together; /* the first of those at hand, and how many: rows of a pixel */
  layout in, out;           /* out: of the next layer; unused by the last */
  const uint8_t *from;
  uint8_t *to;     /* the next layer's plane, or NULL in the last layer */
  uint8_t *pixels; /* [images][size][size][3], last layer only */
  uint8_t *tables; /* of the input's lines tabled_from ... tabled_to - 1, if sums are looked up */
  layout near;     /* how they lie */
  uint32_t tabled_from, tabled_to;
  int32_t *acc;
  uint8_t *expanded; /* memory of a panel */
  size_t *places;    /* of the group's rows on the lines at hand: where their results go */
  int placed;        /* they are there */
  uint32_t members;  /* of the team that runs the call */
  worker worker;
  uint32_t y0, y1;                /* the lines of positions that are the member's now */
  uint32_t group, column, halves; /* halves of the result */
  uint32_t tap_count;
  tap taps[MAX_TAPS];
  void *panel[MAX_TAPS];         /* weights of each tap, as a tile takes them */
  const uint8_t *bits[MAX_TAPS]; /* of binary weights, else not used */
  uint32_t fresh;                /* the panel is still to be filled from bits */
  uint32_t row[MAX_BLOCKS];      /* first row of each block of the tile, counted from line y0 */
  int32_t counts[2 * LANES];     /* an xnor layer's inputs of an output, for each column */
  epilogue e;
} job;

/* The layer, or what of it this member gets. */
void do_layer(job *j);

/* Makes the tables of all lines of input that the lines of positions at hand need. */
void make_tables(job *j);

/* Lists the places of the group's rows, which all its panels share. */
void list_places(job *j);

/* Rows of sums, a block's from row `first` on -> the next layer's plane. */
void finish_hidden(const job *j, const int32_t *acc, uint32_t rows, uint32_t first);

/* The same -> pixels. */
void finish_image(const job *j, const int32_t *acc, uint32_t rows, uint32_t first);

#endif
