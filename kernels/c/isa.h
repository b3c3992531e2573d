/* What an instruction set supplies: five primitives over one tile. The loop nests call these and
 * nothing else, so a new instruction set is one file with one table. */
#ifndef PBGEN_ISA_H
#define PBGEN_ISA_H

#include <stddef.h>
#include <stdint.h>

#define LANES 16     /* output channels side by side in a panel's half */
#define TILE_ROWS 32 /* most rows of a tile */
#define MAX_TAPS 64  /* PBGEN_MAX_KERNEL squared */

/* A tile: rows (pixels or images) x columns (output channels), summed over taps and input channels.
 *
 * Row r of tap t starts at a[t] + r * stride bytes. Weights of tap t start at b[t]:
 *   bytes   int8_t [quads][halves][LANES][4]: four consecutive input channels of each column
 *   floats  float [channels][halves][LANES]
 * Activations are zero from `channels` up to a multiple of 64 bytes; rows up to the next multiple
 * of 16 may be read, and what they hold does not matter. */
typedef struct tile {
  uint32_t taps, rows, halves;
  uint32_t channels;
  uint32_t narrow; /* weights are -1, 0 or +1 */
  size_t stride;
  const uint8_t *a[MAX_TAPS];
  const void *b[MAX_TAPS];
} tile;

/* How sums become the next layer's bytes. Columns beyond the layer's have scale and shift 0. */
typedef struct epilogue {
  const int32_t *offset; /* [halves * LANES], or NULL: the first layer's sum is 2 * acc + offset */
  const float *scale;    /* [halves * LANES] */
  const float *shift;
  uint32_t halves; /* of the result */
  uint32_t fixed;  /* the tile has twice the halves: high bytes (worth 256), then low bytes */
} epilogue;

typedef struct isa {
  const char *name;
  int (*available)(void);

  /* bits uint64_t [quads][halves] (bit 4 * column + input) -> +1 and -1, int8_t panel as above;
   * 0 where `valid` has a clear bit. */
  void (*expand)(const uint64_t *bits, size_t quads, uint32_t halves, uint64_t valid,
                 int8_t *panel);

  /* acc int32_t [rows rounded up to 16][halves][LANES] = sums of uint8_t x int8_t. */
  void (*sum_bytes)(const tile *t, int32_t *acc);

  /* The same in float32: one accumulator an output, inputs ascending. */
  void (*sum_floats)(const tile *t, float *acc);

  /* Row r of acc -> clamp(rint(y), 0, 255) at out[r], unless that is NULL. */
  void (*finish_bytes)(const int32_t *acc, uint32_t rows, const epilogue *e, uint8_t *const *out);
} isa;

extern const isa pbgen_portable;
#if defined(PBGEN_X86)
extern const isa pbgen_avx2, pbgen_avx512, pbgen_amx;
#endif

#endif
