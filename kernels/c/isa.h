/* What an instruction set supplies: a few primitives over one tile. The loop nests call these and
 * nothing else, so a new instruction set is one file with one table. */
#ifndef PBGEN_ISA_H
#define PBGEN_ISA_H

#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

#define LANES 16      /* output channels side by side in a panel's half */
#define BLOCK_ROWS 16 /* rows that lie together in memory */
#define PAIR_LANES 6  /* of the two phases of a line, `by_line` */
#define LOW_LANE 8    /* where their low bytes begin */
#define MAX_BLOCKS 8  /* of a tile */
#define LINE 64       /* bytes of channels that lie together: a chunk of one row */
#define MAX_TAPS 64   /* PBGEN_MAX_KERNEL squared */
#define MAX_HALVES 8  /* of a panel */
#define TABLED 256    /* inputs whose sum fits 16 bits: tabled and summed together */
#define SPAN 20       /* most steps, each a chunk of one tap, whose weights (40 KB) stay in L1 */

/* A tile: blocks of 16 rows (pixels or images) x columns (output channels), summed over steps. A
 * step is one chunk (64 bytes of input channels) of one tap.
 *
 * Activations: chunk c of row r of block i for tap k is at a[k] + offset[i] + c * chunk + r * 64.
 * They are zero from `channels` up to the end of the last chunk. All rows of a block may be read;
 * what those hold that are not wanted does not matter.
 *
 * A layer of one-bit inputs (xnor) holds eight channels in such a byte: `channels` are bytes.
 *
 * Weights of tap k:
 *   b[k]     int8_t [quads][halves][LANES][4], a quad being four consecutive input channels of each
 *            column, whole chunks of 16 quads; where fixed weights come as `words`, int16_t
 *            [quads][LANES][4]; of xnor layers, bits like the inputs' in bytes like int8_t's, as
 *            many quads as there are; or float [channels][halves][LANES]. `by_line`: see below
 *   bits[k]  b[k]'s rows of 64 weights, a quad's half each, eight in 64 bytes: bit i of byte p is
 *            set if weight p of row i is +1. So one load and one instruction a row expand them
 *   valid[k] columns of a half that the tap reaches, four bits each: all, but where the phases are
 *            together; never none
 *
 * `by_line`: fixed weights of four phases together, of 3 columns each. Half r is the two phases of
 * line r: high bytes of their 6 columns, and from LOW_LANE on the low ones. So a tap that reaches
 * the phases of one line alone needs one half: from[h] ... to[h] - 1 are the taps that half h does
 * not have zeros for (in any tile).
 *
 * If `fresh`, weights are bits: b is memory, contiguous over taps, to be filled from them. Only
 * SPAN steps of it need to be there when the tile is the panel's only one (`once`). */
typedef struct tile {
  uint32_t taps, blocks, halves;
  uint32_t channels; /* in bytes or floats */
  uint32_t words;    /* weights are int16_t */
  uint32_t by_line;  /* the halves are two lines of phases */
  uint32_t fresh, once;
  size_t chunk;
  uint32_t rows[MAX_BLOCKS]; /* that are wanted of each block */
  uint32_t first[MAX_BLOCKS],
      end[MAX_BLOCKS]; /* taps before and from which on it finds only zeros */
  size_t offset[MAX_BLOCKS];
  const uint8_t *a[MAX_TAPS];
  void *b[MAX_TAPS];
  const uint8_t *bits[MAX_TAPS];
  uint64_t valid[MAX_TAPS];
  uint32_t from[2], to[2]; /* taps, of each half */
} tile;

/* Sums of +-1 weights by look-up: a few inputs are a table of the sums of their subsets, and a
 * column's bits the place of its sum. A row's tables are chunks like a row of bytes, of TABLED
 * inputs after the other, and behind the last is one that begins with the sum of all, int32_t. Of
 * weights, b[k] is uint8_t [(channels + 7) / 8][halves][LANES], bit i for channel 8 * n + i. */
typedef struct lookup {
  uint32_t images;                       /* that best run together */
  uint32_t halves;                       /* of a panel, but the last */
  uint32_t columns;                      /* of which a layer's are a multiple */
  uint32_t lanes;                        /* see place_of_column */
  uint32_t (*chunks)(uint32_t channels); /* of a row's tables */
  /* At most TABLED bytes, with 32 zeros behind them -> tables; returns the bytes' sum. */
  int32_t (*tabulate)(const uint8_t *bytes, uint32_t channels, uint8_t *to, size_t chunk);
  void (*sum)(const tile *t, int32_t *acc);
} lookup;

/* How sums become the next layer's bytes, or steps of the table of grey levels. Columns beyond the
 * layer's have scale and shift 0. */
typedef struct epilogue {
  const int32_t *offset; /* [halves * LANES], or NULL: the first layer's and an xnor layer's sum
                          is 2 * acc + offset */
  const float *scale;    /* [halves * LANES] */
  const float *shift;
  uint32_t halves;  /* of the result */
  uint32_t fixed;   /* the tile has twice the halves: high bytes (worth 256), then low bytes */
  uint32_t by_line; /* but both are in each, as in the tile: of finish_levels only */
  uint32_t floats;  /* acc is float */
  uint8_t *out;     /* the rows' places count from here */
  size_t out_chunk; /* bytes from a chunk of a row of results to its next */
} epilogue;

#define NOWHERE SIZE_MAX /* the place of a row that is dropped */

typedef struct isa {
  const char *name;
  int (*available)(void);
  uint32_t row_step; /* sum_bytes takes as long for any number of rows up to the next multiple */
  uint32_t float_row_step; /* and sum_floats */
  uint32_t images;         /* of bytes that best run together, at most 16 */
  uint32_t words;          /* takes fixed weights as int16_t, not as two halves of bytes */

  /* Around the calls of a run: state that the processor holds; or NULL: there is none. */
  void (*begin)(void);
  void (*end)(void);

  /* Eights of rows of bits -> rows of +1 and -1, and 0 for weight p of each if bit p of `valid` is
   * clear. */
  void (*expand)(const uint8_t *bits, size_t eights, uint64_t valid, int8_t *panel);

  /* acc int32_t [blocks][16][halves][LANES] = sums of uint8_t x int8_t. */
  void (*sum_bytes)(const tile *t, int32_t *acc);

  const lookup *tables; /* the same for +-1 weights by look-up, or NULL: it would not be faster */

  /* acc = minus the number of bits in which inputs and weights differ. */
  void (*sum_bits)(const tile *t, int32_t *acc);

  /* The same as sum_bytes in float32: one accumulator an output, inputs ascending. */
  void (*sum_floats)(const tile *t, float *acc);

  /* Row r of acc -> clamp(rint(y), 0, 255) at e->out + places[r], unless that is NOWHERE; each four
   * halves further on in the next chunk. */
  void (*finish_bytes)(const int32_t *acc, uint32_t rows, const epilogue *e, const size_t *places);

  /* Row r of acc -> max(y, 0) there, its second half in the next chunk. */
  void (*finish_floats)(const float *acc, uint32_t rows, const epilogue *e, const size_t *places);

  /* Rows of acc, halves = 1 -> table[clamp(rint(y), 0, 4095)], [rows][LANES]. Three bytes behind
   * the table may be read. */
  void (*finish_levels)(const int32_t *acc, uint32_t rows, const epilogue *e, const uint8_t *table,
                        uint8_t *levels);
} isa;

static inline uint32_t chunks_of(uint32_t channel_bytes)
{
  return (channel_bytes + LINE - 1) / LINE;
}

/* Steps of each span but the last: as even as can be. */
static inline uint32_t span_of(uint32_t steps)
{
  const uint32_t spans = (steps + SPAN - 1) / SPAN;
  return spans ? (steps + spans - 1) / spans : 0;
}

/* Eights of rows of bits of a chunk, or of all channels, with that many quads. */
static inline size_t eights_of(size_t quads, uint32_t halves)
{
  return (quads * halves + 7) / 8;
}

/* Quads of chunk c. */
static inline uint32_t chunk_quads(uint32_t channels, uint32_t c)
{
  const uint32_t left = (channels + 3) / 4 - c * (LINE / 4);
  return left < LINE / 4 ? left : LINE / 4;
}

/* Those that this build holds, see dispatch.c. */
extern const isa pbgen_amx, pbgen_avx512, pbgen_avx512_vnni, pbgen_avx2, pbgen_neon, pbgen_portable;

#endif
