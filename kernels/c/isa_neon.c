/* AArch64 with the dot product extension: 16 byte products an instruction. It multiplies signed
 * bytes only, so activations are taken as x - 128, and 128 * (sum of weights) is added to each
 * column. */
#include <arm_neon.h>
#include <string.h>

#include "cpu_arm.h"
#include "rows.h"

#define ROWS 4

static void expand(const uint8_t *bits, size_t eights, uint64_t valid, int8_t *panel)
{
  uint8_t kept[64];
  for (uint32_t p = 0; p < 64; p++)
    kept[p] = valid >> p & 1 ? 255 : 0;
  for (size_t eight = 0; eight < eights; eight++)
    for (uint32_t part = 0; part < 64; part += 16) {
      const uint8x16_t from = vld1q_u8(bits + 64 * eight + part), mask = vld1q_u8(kept + part);
      for (uint32_t row = 0; row < 8; row++) {
        const uint8x16_t set = vtstq_u8(from, vdupq_n_u8((uint8_t)(1u << row)));
        const uint8x16_t sign = vorrq_u8(vmvnq_u8(set), vdupq_n_u8(1)); /* 1 or -1 */
        vst1q_u8((uint8_t *)panel + 512 * eight + 64 * row + part, vandq_u8(sign, mask));
      }
    }
}

static void fill(const tile *t)
{
  const size_t eights = eights_of((t->channels + 3) / 4, t->halves);
  for (uint32_t i = 0; i < t->taps; i++)
    expand(t->bits[i], eights, ~(uint64_t)0, t->b[i]);
}

/* 128 times the sums of a half's columns. */
INLINE void column_sums(const tile *t, uint32_t half, int32x4_t sums[4])
{
  const size_t b_step = (size_t)t->halves * LANES * 4;
  const int8x16_t one = vdupq_n_s8(1);
  for (uint32_t i = 0; i < 4; i++)
    sums[i] = vdupq_n_s32(0);
  for (uint32_t k = t->from[half]; k < t->to[half]; k++) {
    const int8_t *b = (const int8_t *)t->b[k] + half * LANES * 4;
    for (uint32_t quad = 0; quad < (t->channels + 3) / 4; quad++, b += b_step)
      for (uint32_t i = 0; i < 4; i++)
        sums[i] = vdotq_s32(sums[i], vld1q_s8(b + 16 * i), one);
  }
  for (uint32_t i = 0; i < 4; i++)
    sums[i] = vshlq_n_s32(sums[i], 7);
}

/* `rows` rows from `offset` on x 16 columns; start: what the sums begin with. */
INLINE void block_bytes(const tile *t, size_t offset, uint32_t half, uint32_t rows,
                        const int32x4_t start[4], int32_t *acc)
{
  const size_t b_step = (size_t)t->halves * LANES * 4;
  int32x4_t sums[ROWS][4];
#pragma GCC unroll 4
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < 4; i++)
      sums[r][i] = start[i];
  for (uint32_t k = t->from[half]; k < t->to[half]; k++) {
    const int8_t *b = (const int8_t *)t->b[k] + half * LANES * 4;
    for (uint32_t c = 0; c < chunks_of(t->channels); c++) {
      const uint8_t *a = t->a[k] + offset + c * t->chunk;
      for (uint32_t quad = chunk_quads(t->channels, c); quad; quad--, a += 4, b += b_step) {
        int8x16_t w[4];
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4; i++)
          w[i] = vld1q_s8(b + 16 * i);
#pragma GCC unroll 4
        for (uint32_t r = 0; r < rows; r++) {
          uint32_t four;
          memcpy(&four, a + r * LINE, 4);
          const int8x16_t x = vreinterpretq_s8_u32(vdupq_n_u32(four ^ 0x80808080u));
#pragma GCC unroll 4
          for (uint32_t i = 0; i < 4; i++)
            sums[r][i] = vdotq_s32(sums[r][i], w[i], x);
        }
      }
    }
  }
#pragma GCC unroll 4
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < 4; i++)
      vst1q_s32(acc + r * t->halves * LANES + 4 * i, sums[r][i]);
}

static void sum_bytes(const tile *t, int32_t *acc)
{
  const uint32_t width = t->halves * LANES;
  if (t->fresh)
    fill(t);
  for (uint32_t half = 0; half < t->halves; half++) {
    int32x4_t start[4];
    column_sums(t, half, start);
    for (uint32_t i = 0; i < t->blocks; i++)
      for (uint32_t r = 0; r < t->rows[i]; r += ROWS) {
        int32_t *to = acc + (i * BLOCK_ROWS + r) * width + half * LANES;
        if (t->rows[i] - r == 1)
          block_bytes(t, t->offset[i] + r * LINE, half, 1, start, to);
        else
          block_bytes(t, t->offset[i] + r * LINE, half, ROWS, start, to);
      }
  }
}

/* Differing bits of ROWS rows x 16 columns: 32 channels of a column a lane. */
INLINE void bits_of_rows(const tile *t, const row_group *g, uint32_t half)
{
  uint32x4_t sums[ROWS][4];
#pragma GCC unroll 4
  for (uint32_t r = 0; r < ROWS; r++)
    for (uint32_t i = 0; i < 4; i++)
      sums[r][i] = vdupq_n_u32(0);
  for (uint32_t k = 0; k < t->taps; k++) {
    const uint8_t *b = (const uint8_t *)t->b[k] + half * LANES * 4;
    for (uint32_t c = 0; c < chunks_of(t->channels); c++) {
      const uint8_t *a = t->a[k] + c * t->chunk;
      uint32_t quad = chunk_quads(t->channels, c);
      for (; quad; quad--, a += 4, b += t->halves * LANES * 4) {
#pragma GCC unroll 4
        for (uint32_t r = 0; r < ROWS; r++) {
          const uint32x4_t four = vld1q_dup_u32((const uint32_t *)(const void *)(a + g->offset[r]));
#pragma GCC unroll 4
          for (uint32_t i = 0; i < 4; i++) {
            const uint8x16_t bits = veorq_u8(vreinterpretq_u8_u32(four), vld1q_u8(b + 16 * i));
            sums[r][i] = vdotq_u32(sums[r][i], vcntq_u8(bits), vdupq_n_u8(1));
          }
        }
      }
    }
  }
#pragma GCC unroll 4
  for (uint32_t r = 0; r < ROWS; r++)
    for (uint32_t i = 0; i < 4; i++)
      vst1q_s32(g->acc[r] + half * LANES + 4 * i, vnegq_s32(vreinterpretq_s32_u32(sums[r][i])));
}

static void sum_bits(const tile *t, int32_t *acc)
{
  row_group g;
  uint32_t block = 0, row = 0;
  while (next_rows(t, &block, &row, ROWS, acc, &g))
    for (uint32_t half = 0; half < t->halves; half++)
      bits_of_rows(t, &g, half);
}

INLINE void block_floats(const tile *t, size_t offset, uint32_t half, uint32_t rows, float *acc)
{
  const uint32_t width = t->halves * LANES, per_chunk = LINE / sizeof(float);
  float32x4_t sums[ROWS][4];
#pragma GCC unroll 4
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < 4; i++)
      sums[r][i] = vdupq_n_f32(0);
  for (uint32_t tap = 0; tap < t->taps; tap++) {
    const float *b = (const float *)t->b[tap] + half * LANES;
    for (uint32_t k = 0; k < t->channels; k++, b += width) {
      const uint8_t *a = t->a[tap] + offset + k / per_chunk * t->chunk + k % per_chunk * 4;
      float32x4_t w[4];
#pragma GCC unroll 4
      for (uint32_t i = 0; i < 4; i++)
        w[i] = vld1q_f32(b + 4 * i);
#pragma GCC unroll 4
      for (uint32_t r = 0; r < rows; r++) {
        const float32x4_t x = vld1q_dup_f32((const float *)(const void *)(a + r * LINE));
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4; i++)
          sums[r][i] = vfmaq_f32(sums[r][i], w[i], x);
      }
    }
  }
#pragma GCC unroll 4
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < 4; i++)
      vst1q_f32(acc + r * width + half * LANES + 4 * i, sums[r][i]);
}

static void sum_floats(const tile *t, float *acc)
{
  for (uint32_t half = 0; half < t->halves; half++)
    for (uint32_t i = 0; i < t->blocks; i++)
      for (uint32_t r = 0; r < t->rows[i]; r += ROWS) {
        float *to = acc + (i * BLOCK_ROWS + r) * t->halves * LANES;
        if (t->rows[i] - r == 1)
          block_floats(t, t->offset[i] + r * LINE, half, 1, to);
        else
          block_floats(t, t->offset[i] + r * LINE, half, ROWS, to);
      }
}

/* clamp(rint(y), 0, most) of four columns of a row of sums. */
INLINE int32x4_t finish(const int32_t *row, uint32_t lane, const epilogue *e, float most)
{
  float32x4_t sum;
  if (e->floats) {
    sum = vld1q_f32((const float *)(const void *)(row + lane));
  } else {
    int32x4_t acc = vld1q_s32(row + lane);
    if (e->fixed)
      acc = vaddq_s32(vshlq_n_s32(acc, 8), vld1q_s32(row + e->halves * LANES + lane));
    if (e->offset)
      acc = vaddq_s32(vshlq_n_s32(acc, 1), vld1q_s32(e->offset + lane));
    sum = vcvtq_f32_s32(acc);
  }
  const float32x4_t product = vmulq_f32(sum, vld1q_f32(e->scale + lane));
  const float32x4_t y = vaddq_f32(product, vld1q_f32(e->shift + lane));
  /* maxnm takes the number where the other is a NaN. */
  return vcvtnq_s32_f32(vminq_f32(vmaxnmq_f32(y, vdupq_n_f32(0)), vdupq_n_f32(most)));
}

static void finish_bytes(const int32_t *acc, uint32_t rows, const epilogue *e, const size_t *places)
{
  const uint32_t width = e->halves * LANES;
  for (uint32_t r = 0; r < rows; r++, acc += e->fixed ? 2 * width : width)
    for (uint32_t lane = 0; places[r] != NOWHERE && lane < width; lane += 8) {
      const uint16x4_t low = vqmovun_s32(finish(acc, lane, e, 255));
      const uint16x4_t high = vqmovun_s32(finish(acc, lane + 4, e, 255));
      vst1_u8(e->out + places[r] + lane, vqmovn_u16(vcombine_u16(low, high)));
    }
}

static void finish_floats(const float *acc, uint32_t rows, const epilogue *e, const size_t *places)
{
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t lane = 0; lane < e->halves * LANES; lane += 4, acc += 4) {
      if (places[r] == NOWHERE)
        continue;
      const float32x4_t product = vmulq_f32(vld1q_f32(acc), vld1q_f32(e->scale + lane));
      const float32x4_t y = vaddq_f32(product, vld1q_f32(e->shift + lane));
      float *to =
          (float *)(void *)(e->out + places[r] + lane / LANES * e->out_chunk) + lane % LANES;
      vst1q_f32(to, vmaxnmq_f32(y, vdupq_n_f32(0)));
    }
}

/* A row of sums by_line -> as others are: of all high bytes, then of all low ones. */
INLINE void part_bytes(const int32_t *row, int32_t *parted)
{
  for (uint32_t column = 0; column < 2 * PAIR_LANES; column++) {
    const int32_t *sum = row + column / PAIR_LANES * LANES + column % PAIR_LANES;
    parted[column] = sum[0];
    parted[LANES + column] = sum[LOW_LANE];
  }
}

static void finish_levels(const int32_t *acc, uint32_t rows, const epilogue *e,
                          const uint8_t *table, uint8_t *levels)
{
  int32_t parted[2 * LANES] = {0};
  for (uint32_t r = 0; r < rows; r++, acc += e->fixed ? 2 * LANES : LANES) {
    if (e->by_line)
      part_bytes(acc, parted);
    for (uint32_t lane = 0; lane < LANES; lane += 4) {
      int32_t steps[4];
      vst1q_s32(steps, finish(e->by_line ? parted : acc, lane, e, 4095));
      for (uint32_t i = 0; i < 4; i++)
        *levels++ = table[steps[i]];
    }
  }
}

const isa pbgen_neon = {
    .name = "neon",
    .available = pbgen_has_dot_product,
    .row_step = ROWS,
    .float_row_step = ROWS,
    .images = 16,
    .expand = expand,
    .sum_bytes = sum_bytes,
    .sum_bits = sum_bits,
    .sum_floats = sum_floats,
    .finish_bytes = finish_bytes,
    .finish_floats = finish_floats,
    .finish_levels = finish_levels,
};
