/* The prepared form of a generator, and how a deconvolution falls apart into dense small ones.
 *
 * Output pixel Y = step * j + r gets input pixel j + d through kernel row r + padding - step * d;
 * the outputs of one phase (ry, rx) are a dense convolution over the positions j, with taps (dy,
 * dx). A layer on a 1x1 input is one where every output pixel is a phase: step = size_out. A group
 * is one phase; but when all columns of all phases of the last layer fit half a panel, they form
 * one group and share the taps (not in an xnor layer: no bit stands for a weight of 0). */
#ifndef PBGEN_PLAN_H
#define PBGEN_PLAN_H

#include "isa.h"
#include "pbgen.h"

typedef struct layer_plan {
  uint32_t c_in, c_out, kernel, padding, size_in, size_out, precision;
  uint32_t step;
  uint32_t combined; /* the phases are one group */
  uint32_t tables;   /* halves of a panel, if sums are looked up; else 0 */
  uint32_t columns;  /* of a group */
  int32_t d_low, d_high;
  size_t weights, weight_bytes; /* offset from the prepared memory's start, and length */
  size_t offsets;               /* int32_t [groups][padded columns], first layer only, else 0 */
  size_t scales, shifts;        /* float [padded columns] */
} layer_plan;

typedef struct plan {
  uint32_t magic, count, isa_index, reserved;
  size_t bytes;
  uint8_t tanh_table[PBGEN_TANH_LEVELS];
  layer_plan layers[PBGEN_MAX_LAYERS];
} plan;

#define PLAN_MAGIC 0x6e656770u

typedef struct tap {
  int32_t dy, dx;
  uint64_t valid; /* columns of a half that it reaches, four bits each, as in a panel */
} tap;

static inline size_t round_up(size_t value, size_t multiple)
{
  return (value + multiple - 1) / multiple * multiple;
}

static inline uint32_t divide_up(uint32_t a, uint32_t b)
{
  return (a + b - 1) / b;
}

/* Bits that a channel of the layer's input takes. */
static inline uint32_t channel_bits(const layer_plan *l)
{
  return l->precision == PBGEN_FLOAT ? 32 : l->precision == PBGEN_XNOR ? 1 : 8;
}

/* Bytes of all channels of a pixel of the layer's input. */
static inline uint32_t input_bytes(const layer_plan *l)
{
  return (l->c_in * channel_bits(l) + 7) / 8;
}

static inline uint32_t groups_of(const layer_plan *l)
{
  return l->combined ? 1 : l->step * l->step;
}

/* Positions j of a phase, along one axis (the last may fall outside the image for some phases). */
static inline uint32_t positions_of(const layer_plan *l)
{
  return (l->size_out - 1) / l->step + 1;
}

/* Logical columns of a panel: fixed weights take two halves for each. */
static inline uint32_t panel_columns(const layer_plan *l)
{
  return l->tables ? l->tables * LANES : l->precision == PBGEN_FIXED ? LANES : 2 * LANES;
}

/* Halves of the panel that starts at a column, before fixed weights double them. */
static inline uint32_t panel_halves(const layer_plan *l, uint32_t column)
{
  const uint32_t left = divide_up(l->columns - column, LANES), most = panel_columns(l) / LANES;
  return left < most ? left : most;
}

static inline size_t padded_columns(const layer_plan *l)
{
  return round_up(l->columns, LANES);
}

/* Quads of a byte panel: whole 64-byte steps, as AMX reads them. */
static inline size_t panel_quads(const layer_plan *l)
{
  return round_up(l->c_in, 64) / 4;
}

/* Quads of a panel of bits that are expanded to bytes. */
static inline size_t bit_quads(const layer_plan *l)
{
  return (l->c_in + 3) / 4;
}

/* Whether the halves of fixed weights are two lines of phases, see isa.h. */
static inline int lies_by_line(const layer_plan *l, uint32_t words)
{
  return l->combined && l->precision == PBGEN_FIXED && !words;
}

/* The kernel row (or column) through which position offset d reaches phase r, or -1. */
static inline int32_t kernel_index(const layer_plan *l, uint32_t r, int32_t d)
{
  int32_t k = (int32_t)(r + l->padding) - (int32_t)l->step * d;
  return k >= 0 && k < (int32_t)l->kernel ? k : -1;
}

/* The instruction sets of this build, best first, ending in NULL. */
extern const isa *const pbgen_isas[];

/* Images of a group: of floats and bits a block's; of bytes what the instruction set says, or if
 * all layers but the last are looked up, what is looked up together. */
static inline uint32_t group_images(const plan *p)
{
  const isa *ops = pbgen_isas[p->isa_index];
  const uint32_t precision = p->layers[0].precision;
  uint32_t tables = 0;
  while (p->layers[tables].tables && tables + 1 < p->count)
    tables++;
  if (tables && tables + 1 == p->count)
    return ops->tables->images;
  return precision == PBGEN_FLOAT || precision == PBGEN_XNOR ? BLOCK_ROWS : ops->images;
}

/* Those of a group that the layer takes at a time. */
static inline uint32_t images_together(const plan *p, const layer_plan *l, uint32_t images)
{
  if (!l->tables)
    return images;
  const uint32_t most = pbgen_isas[p->isa_index]->tables->images;
  return images < most ? images : most;
}

/* Rows that cost as much as one, see isa.h. */
static inline uint32_t row_step(const plan *p)
{
  const isa *ops = pbgen_isas[p->isa_index];
  return p->layers[0].precision == PBGEN_FLOAT ? ops->float_row_step : ops->row_step;
}

/* Taps of a group in ascending order of the kernel index; returns how many. */
uint32_t list_taps(const layer_plan *l, uint32_t group, tap taps[MAX_TAPS]);

/* Prepared bytes of one panel of one tap. */
size_t panel_tap_bytes(const layer_plan *l, uint32_t halves);

/* The layer's weights, scales, shifts and offsets -> prepared memory, which is zero. */
void pack_layer(const pbgen_layer *in, const layer_plan *l, const isa *ops, uint8_t *memory);

#endif
