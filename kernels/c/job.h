/* One panel of one group of one layer: what the loop nests hand around. */
#ifndef PBGEN_JOB_H
#define PBGEN_JOB_H

#include "layout.h"

/* What one panel of one group needs, and where its results go. */
typedef struct job {
  const plan *p;
  const layer_plan *l;
  const isa *ops;
  layout in, out; /* out: of the next layer; unused by the last */
  const uint8_t *from;
  uint8_t *to;     /* the next layer's plane, or NULL in the last layer */
  uint8_t *pixels; /* [images][size][size][3], last layer only */
  int32_t *acc;
  uint32_t group, column, halves; /* halves of the result */
  uint32_t tap_count;
  tap taps[MAX_TAPS];
  const uint8_t *weights[MAX_TAPS]; /* panel of each tap */
  epilogue e;
} job;

/* Rows of sums -> the next layer's floats: ReLU. Row r goes to out[r], unless that is NULL. */
void finish_floats(const job *j, uint32_t rows, uint8_t *const *out);

/* A row of sums -> the pixels of one position of one image. */
void finish_pixels(const job *j, uint32_t row, uint32_t y, uint32_t x, uint32_t image);

#endif
