/* AMX int8: 16 rows x 16 columns x 64 inputs an instruction. The rest is AVX-512's. */
#include "avx512_bits.h"
#include "avx512_sums.h"
#include "cpu_x86.h"

/* The intrinsics say nothing about memory to the compiler. */
#define FENCE() __asm__ volatile("" ::: "memory")

/* Tiles 0 ... 3 accumulate (rows x halves), 4 and 5 hold activations, 6 and 7 weights. */
static const struct {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} __attribute__((aligned(64))) configuration = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

static void begin(void)
{
  _tile_loadconfig(&configuration);
}

static void end(void)
{
  _tile_release();
}

INLINE void zero_sums(void)
{
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

/* One step: a of one block, a2 of the next, b of all halves. The hint of A's loads keeps the
 * weights, which every pair of blocks reads again, in L1. */
INLINE void step(const uint8_t *a, const uint8_t *a2, const int8_t *b, int pair, int two_halves)
{
  const size_t b_stride = two_halves ? 128 : 64;
  _tile_stream_loadd(4, a, LINE);
  _tile_loadd(6, b, b_stride);
  _tile_dpbusd(0, 4, 6);
  if (two_halves) {
    _tile_loadd(7, b + 64, b_stride);
    _tile_dpbusd(1, 4, 7);
  }
  if (pair) {
    _tile_stream_loadd(5, a2, LINE);
    _tile_dpbusd(2, 5, 6);
    if (two_halves)
      _tile_dpbusd(3, 5, 7);
  }
}

INLINE void load_sums(int pair, int two_halves, const int32_t *acc)
{
  const size_t stride = two_halves ? 128 : 64;
  _tile_loadd(0, acc, stride);
  if (two_halves)
    _tile_loadd(1, acc + LANES, stride);
  if (pair) {
    _tile_loadd(2, acc + 4 * stride, stride);
    if (two_halves)
      _tile_loadd(3, acc + 4 * stride + LANES, stride);
  }
}

INLINE void store_sums(int pair, int two_halves, int32_t *acc)
{
  const size_t stride = two_halves ? 128 : 64;
  _tile_stored(0, acc, stride);
  if (two_halves)
    _tile_stored(1, acc + LANES, stride);
  if (pair) {
    _tile_stored(2, acc + 4 * stride, stride);
    if (two_halves)
      _tile_stored(3, acc + 4 * stride + LANES, stride);
  }
}

#define LEAD 2 /* steps from expansion to use: a tile must not be loaded from lines just stored */
#define RING 8 /* steps of weights that are kept where they are used but once */

/* acc = (more: +=) block i, and the next if `pair`, over `steps` steps from s on. b: weights of
 * step s + n at (n & ring) * step_bytes, or NULL for those of the tile. fresh: expand them to b on
 * the way, a few steps ahead of the multiplications. */
INLINE void multiply(const tile *t, uint32_t i, step_index s, uint32_t steps, int8_t *b,
                     uint32_t ring, int fresh, int more, int pair, int two_halves, int32_t *acc)
{
  const uint32_t chunks = chunks_of(t->channels), lead = fresh ? LEAD : 0;
  const size_t step_bytes = two_halves ? 2048 : 1024;
  const size_t offset = t->offset[i], offset2 = pair ? t->offset[i + 1] : 0;
  step_index ahead = s;
  if (more)
    load_sums(pair, two_halves, acc);
  else
    zero_sums();
  for (uint32_t n = 0; n < steps + lead; n++) {
    if (fresh && n < steps) {
      expand_steps(t, ahead, 1, b + (n & ring) * step_bytes);
      next_step(&ahead, chunks);
    }
    if (fresh)
      FENCE();
    if (n >= lead) {
      const uint8_t *a = t->a[s.tap] + s.chunk * t->chunk;
      const int8_t *w =
          b ? b + ((n - lead) & ring) * step_bytes : weights_of(t, s, two_halves ? 2 : 1);
      step(a + offset, a + offset2, w, pair, two_halves);
      next_step(&s, chunks);
    }
    if (fresh)
      FENCE();
  }
  store_sums(pair, two_halves, acc);
  FENCE();
}

/* The steps of block i, and of the next if `pair`, that do not find zeros only. */
INLINE void range_of(const tile *t, uint32_t i, int pair, uint32_t *first, uint32_t *end)
{
  const uint32_t chunks = chunks_of(t->channels);
  *first = t->first[i] * chunks;
  *end = t->end[i] * chunks;
  if (pair && t->first[i + 1] * chunks < *first)
    *first = t->first[i + 1] * chunks;
  if (pair && t->end[i + 1] * chunks > *end)
    *end = t->end[i + 1] * chunks;
}

/* Steps s0 ... s0 + count - 1 of block i, and of the next if `pair`. */
INLINE void do_span(const tile *t, uint32_t i, uint32_t s0, uint32_t count, int8_t *b,
                    uint32_t ring, int fresh, int two_halves, int32_t *acc)
{
  const uint32_t chunks = chunks_of(t->channels), width = two_halves ? 2 * LANES : LANES;
  const int pair = i + 1 < t->blocks;
  uint32_t first = 0, end = t->taps * chunks;
  if (!fresh)
    range_of(t, i, pair, &first, &end);
  if (first >= end && s0 == 0)
    memset(acc, 0, (pair ? 2 : 1) * BLOCK_ROWS * width * sizeof *acc);
  const uint32_t from = first > s0 ? first : s0, to = end < s0 + count ? end : s0 + count;
  if (from >= to)
    return;
  const step_index s = {from / chunks, from % chunks};
  int8_t *w = b ? b + (size_t)(from - s0) * width * LINE : NULL;
  const int more = from > first;
  if (fresh)
    pair ? multiply(t, i, s, to - from, w, ring, 1, more, 1, two_halves, acc)
         : multiply(t, i, s, to - from, w, ring, 1, more, 0, two_halves, acc);
  else
    pair ? multiply(t, i, s, to - from, w, ring, 0, more, 1, two_halves, acc)
         : multiply(t, i, s, to - from, w, ring, 0, more, 0, two_halves, acc);
}

/* All blocks, two at a time, a span of steps at a time; one span if there is but one pair. The
 * first blocks, which may have less to do, come last: fresh weights are expanded by a pair that
 * needs all. */
INLINE void sum_spans_amx(const tile *t, int two_halves, int32_t *acc)
{
  const uint32_t steps = t->taps * chunks_of(t->channels), pairs = (t->blocks + 1) / 2;
  const uint32_t width = two_halves ? 2 * LANES : LANES;
  const uint32_t span = pairs > 1 ? span_of(steps) : steps;
  const uint32_t ring = t->once && pairs == 1 ? RING - 1 : ~(uint32_t)0;
  for (uint32_t s0 = 0; s0 < steps; s0 += span) {
    const uint32_t count = steps - s0 < span ? steps - s0 : span;
    int8_t *b = NULL;
    if (t->fresh)
      b = (int8_t *)t->b[0] + (t->once ? 0 : (size_t)s0 * width * LINE);
    for (uint32_t n = 0; n < pairs; n++) {
      const uint32_t i = (n + 1) % pairs * 2;
      int32_t *to = acc + (size_t)i * BLOCK_ROWS * width;
      if (t->fresh && n == 0)
        do_span(t, i, s0, count, b, ring, 1, two_halves, to);
      else
        do_span(t, i, s0, count, b, ring, 0, two_halves, to);
    }
  }
}

/* One step of one half of two blocks, or of four. */
INLINE void step_by_line(const uint8_t *a, const size_t offset[4], const int8_t *b, int four)
{
  _tile_loadd(6, b, 128);
  _tile_stream_loadd(4, a + offset[0], LINE);
  _tile_dpbusd(0, 4, 6);
  _tile_stream_loadd(5, a + offset[1], LINE);
  _tile_dpbusd(1, 5, 6);
  if (four) {
    _tile_stream_loadd(4, a + offset[2], LINE);
    _tile_dpbusd(2, 4, 6);
    _tile_stream_loadd(5, a + offset[3], LINE);
    _tile_dpbusd(3, 5, 6);
  }
}

/* One half of blocks i ... i + 3, or as many as there are, by_line: over its taps alone. */
INLINE void blocks_by_line(const tile *t, uint32_t i, uint32_t half, int32_t *acc)
{
  const uint32_t chunks = chunks_of(t->channels), block = BLOCK_ROWS * 2 * LANES;
  const uint32_t count = t->blocks - i < 4 ? t->blocks - i : 4;
  uint32_t from = t->to[half], to = t->from[half];
  size_t offset[4];
  for (uint32_t n = 0; n < 4; n++) {
    const uint32_t at = i + (n < count ? n : count - 1);
    offset[n] = t->offset[at];
    from = t->first[at] < from ? t->first[at] : from;
    to = t->end[at] > to ? t->end[at] : to;
  }
  from = from < t->from[half] ? t->from[half] : from;
  to = to > t->to[half] ? t->to[half] : to;
  zero_sums();
  for (step_index s = {from, 0}; s.tap < to; next_step(&s, chunks))
    step_by_line(t->a[s.tap] + s.chunk * t->chunk, offset, weights_of(t, s, 2) + half * 64,
                 count > 2);
  acc += i * block + half * LANES;
  _tile_stored(0, acc, 128);
  if (count > 1)
    _tile_stored(1, acc + block, 128);
  if (count > 2)
    _tile_stored(2, acc + 2 * block, 128);
  if (count > 3)
    _tile_stored(3, acc + 3 * block, 128);
  FENCE();
}

/* A half at a time, and four blocks: sums of two would wait for each other. */
static void sum_by_line_amx(const tile *t, int32_t *acc)
{
  for (uint32_t i = 0; i < t->blocks; i += 4)
    for (uint32_t half = 0; half < 2; half++)
      blocks_by_line(t, i, half, acc);
}

static void sum_bytes(const tile *t, int32_t *acc)
{
  if (!t->taps || (t->blocks == 1 && t->rows[0] <= 4)) /* a tile would be nearly empty */
    sum_with_vnni(t, acc);
  else if (t->by_line)
    sum_by_line_amx(t, acc);
  else
    t->halves == 2 ? sum_spans_amx(t, 1, acc) : sum_spans_amx(t, 0, acc);
}

const isa pbgen_amx = {
    .name = "amx",
    .available = pbgen_has_amx,
    .row_step = 16,
    .float_row_step = 8,
    .images = 8,
    .begin = begin,
    .end = end,
    .expand = expand,
    .sum_bytes = sum_bytes,
    .sum_bits = sum_bits,
    .sum_floats = sum_floats,
    .finish_bytes = finish_bytes,
    .finish_floats = finish_floats,
    .finish_levels = finish_levels,
};
