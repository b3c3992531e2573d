/* AVX2 and FMA. Binary weights: vpmaddubsw sums pairs of products in int16, of which 64 fit before
 * they are widened (64 * 2 * 255 = 32640). Fixed weights would saturate there, so they are widened
 * to int16 first. */
#include <immintrin.h>
#include <string.h>

#include "cpu_x86.h"
#include "isa.h"

#define WIDEN_EVERY 64 /* quads */

static void expand(const uint64_t *bits, size_t quads, uint32_t halves, uint64_t valid,
                   int8_t *panel)
{
  const __m256i which = _mm256_set1_epi64x((long long)0x8040201008040201u);
  const __m256i spread =
      _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i one = _mm256_set1_epi8(1);
  const uint32_t *words = (const uint32_t *)(const void *)bits;
  for (size_t i = 0; i < 2 * quads * halves; i++) {
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)words[i]), spread);
    const __m256i clear = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, which), _mm256_setzero_si256());
    const __m256i signs = _mm256_or_si256(clear, one); /* -1 where clear, else 1 */
    const __m256i word = _mm256_set1_epi32((int)(uint32_t)(valid >> (i % 2 * 32)));
    const __m256i kept = _mm256_and_si256(_mm256_shuffle_epi8(word, spread), which);
    const __m256i dropped = _mm256_cmpeq_epi8(kept, _mm256_setzero_si256());
    _mm256_store_si256((__m256i *)(void *)(panel + 32 * i), _mm256_andnot_si256(dropped, signs));
  }
}

static inline __m256i quad_of(const uint8_t *a)
{
  return _mm256_set1_epi32(*(const int32_t *)(const void *)a);
}

/* Adds `quads` quads of one tap to rows x 16 columns of acc, for weights within +-1. */
static inline __attribute__((always_inline)) void narrow_block(const uint8_t *a, size_t stride,
                                                               const int8_t *b, size_t b_step,
                                                               uint32_t quads, uint32_t rows,
                                                               int32_t *acc, uint32_t width)
{
  __m256i sums[4][2];
#pragma GCC unroll 4
  for (uint32_t r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm256_setzero_si256();
  for (uint32_t quad = 0; quad < quads; quad++, a += 4, b += b_step) {
    const __m256i w0 = _mm256_load_si256((const __m256i *)(const void *)b);
    const __m256i w1 = _mm256_load_si256((const __m256i *)(const void *)(b + 32));
#pragma GCC unroll 4
    for (uint32_t r = 0; r < rows; r++) {
      const __m256i x = quad_of(a + r * stride);
      sums[r][0] = _mm256_add_epi16(sums[r][0], _mm256_maddubs_epi16(x, w0));
      sums[r][1] = _mm256_add_epi16(sums[r][1], _mm256_maddubs_epi16(x, w1));
    }
  }
  const __m256i one = _mm256_set1_epi16(1);
#pragma GCC unroll 4
  for (uint32_t r = 0; r < rows; r++)
    for (uint32_t half = 0; half < 2; half++) {
      __m256i *to = (__m256i *)(void *)(acc + r * width + half * 8);
      *to = _mm256_add_epi32(*to, _mm256_madd_epi16(sums[r][half], one));
    }
}

/* The same for any signed byte weights, one row. */
static void wide_block(const uint8_t *a, const int8_t *b, size_t b_step, uint32_t quads,
                       int32_t *acc)
{
  __m256i sums[4]; /* 4 columns each, as pairs */
  for (uint32_t i = 0; i < 4; i++)
    sums[i] = _mm256_setzero_si256();
  for (uint32_t quad = 0; quad < quads; quad++, a += 4, b += b_step) {
    const __m256i x = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(quad_of(a)));
    for (uint32_t i = 0; i < 4; i++) {
      const __m128i w = _mm_load_si128((const __m128i *)(const void *)(b + 16 * i));
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(x, _mm256_cvtepi8_epi16(w)));
    }
  }
  for (uint32_t i = 0; i < 4; i += 2) {
    const __m256i mixed = _mm256_hadd_epi32(sums[i], sums[i + 1]);
    __m256i *to = (__m256i *)(void *)(acc + 4 * i);
    *to = _mm256_add_epi32(*to, _mm256_permute4x64_epi64(mixed, 0xd8));
  }
}

static void sum_bytes(const tile *t, int32_t *acc)
{
  const uint32_t width = t->halves * LANES, quads = (t->channels + 3) / 4;
  const size_t b_step = (size_t)width * 4;
  memset(acc, 0, (size_t)t->rows * width * sizeof *acc);
  for (uint32_t i = 0; i < t->taps; i++)
    for (uint32_t half = 0; half < t->halves; half++)
      for (uint32_t quad = 0; quad < quads; quad += WIDEN_EVERY) {
        const uint32_t count = quads - quad < WIDEN_EVERY ? quads - quad : WIDEN_EVERY;
        const int8_t *b = (const int8_t *)t->b[i] + quad * b_step + half * LANES * 4;
        uint32_t r = 0;
        for (; t->narrow && r + 4 <= t->rows; r += 4)
          narrow_block(t->a[i] + r * t->stride + 4 * quad, t->stride, b, b_step, count, 4,
                       acc + r * width + half * LANES, width);
        for (; r < t->rows; r++) {
          const uint8_t *a = t->a[i] + r * t->stride + 4 * quad;
          int32_t *to = acc + r * width + half * LANES;
          if (t->narrow)
            narrow_block(a, t->stride, b, b_step, count, 1, to, width);
          else
            wide_block(a, b, b_step, count, to);
        }
      }
}

#define FLOAT_ROWS 6

/* 16 columns of `rows` rows: 12 accumulators at most. */
static inline __attribute__((always_inline)) void
block_floats(const tile *t, uint32_t first, uint32_t rows, uint32_t half, float *acc)
{
  const uint32_t width = t->halves * LANES;
  __m256 sums[FLOAT_ROWS][2];
#pragma GCC unroll 6
  for (uint32_t r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm256_setzero_ps();
  for (uint32_t i = 0; i < t->taps; i++) {
    const uint8_t *a = t->a[i] + first * t->stride;
    const float *b = (const float *)t->b[i] + half * LANES;
    for (uint32_t k = 0; k < t->channels; k++, a += sizeof(float), b += width) {
      const __m256 w0 = _mm256_loadu_ps(b), w1 = _mm256_loadu_ps(b + 8);
#pragma GCC unroll 6
      for (uint32_t r = 0; r < rows; r++) {
        const __m256 x = _mm256_broadcast_ss((const float *)(const void *)(a + r * t->stride));
        sums[r][0] = _mm256_fmadd_ps(x, w0, sums[r][0]);
        sums[r][1] = _mm256_fmadd_ps(x, w1, sums[r][1]);
      }
    }
  }
#pragma GCC unroll 6
  for (uint32_t r = 0; r < rows; r++) {
    _mm256_storeu_ps(acc + (first + r) * width + half * LANES, sums[r][0]);
    _mm256_storeu_ps(acc + (first + r) * width + half * LANES + 8, sums[r][1]);
  }
}

static void sum_floats(const tile *t, float *acc)
{
  for (uint32_t half = 0; half < t->halves; half++) {
    uint32_t first = 0;
    for (; first + FLOAT_ROWS <= t->rows; first += FLOAT_ROWS)
      block_floats(t, first, FLOAT_ROWS, half, acc);
    for (; first + 2 <= t->rows; first += 2)
      block_floats(t, first, 2, half, acc);
    if (first < t->rows)
      block_floats(t, first, 1, half, acc);
  }
}

static void finish_bytes(const int32_t *acc, uint32_t rows, const epilogue *e, uint8_t *const *out)
{
  const uint32_t width = e->halves * LANES;
  const __m256 most = _mm256_set1_ps(255.0f);
  for (uint32_t r = 0; r < rows; r++, acc += e->fixed ? 2 * width : width)
    for (uint32_t lane = 0; out[r] && lane < width; lane += 8) {
      __m256i sum = _mm256_loadu_si256((const __m256i *)(const void *)(acc + lane));
      if (e->fixed)
        sum = _mm256_add_epi32(
            _mm256_slli_epi32(sum, 8),
            _mm256_loadu_si256((const __m256i *)(const void *)(acc + width + lane)));
      if (e->offset)
        sum =
            _mm256_add_epi32(_mm256_slli_epi32(sum, 1),
                             _mm256_loadu_si256((const __m256i *)(const void *)(e->offset + lane)));
      const __m256 product =
          _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(e->scale + lane));
      const __m256 y = _mm256_add_ps(product, _mm256_loadu_ps(e->shift + lane));
      const __m256 clamped = _mm256_min_ps(_mm256_max_ps(y, _mm256_setzero_ps()), most);
      const __m256i q = _mm256_cvtps_epi32(
          _mm256_round_ps(clamped, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
      const __m128i words =
          _mm_packus_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
      _mm_storel_epi64((__m128i *)(void *)(out[r] + lane), _mm_packus_epi16(words, words));
    }
}

const isa pbgen_avx2 = {"avx2", pbgen_has_avx2, expand, sum_bytes, sum_floats, finish_bytes};
