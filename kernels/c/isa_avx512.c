/* AVX-512 with VNNI: 64 byte products an instruction. */
#include "avx512.h"
#include "cpu_x86.h"

static inline __attribute__((always_inline)) void
block_bytes(const tile *t, uint32_t first, uint32_t rows, uint32_t halves, int32_t *acc)
{
  const uint32_t quads = (t->channels + 3) / 4;
  __m512i sums[BLOCK_ROWS][2];
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm512_setzero_si512();
  for (uint32_t i = 0; i < t->taps; i++) {
    const uint8_t *a = t->a[i] + first * t->stride;
    const int8_t *b = t->b[i];
    for (uint32_t quad = 0; quad < quads; quad++, a += 4, b += halves * LANES * 4) {
      const __m512i w0 = _mm512_load_si512(b);
      const __m512i w1 = halves == 2 ? _mm512_load_si512(b + LANES * 4) : w0;
#pragma GCC unroll 8
      for (uint32_t r = 0; r < rows; r++) {
        const __m512i x = _mm512_set1_epi32(*(const int32_t *)(const void *)(a + r * t->stride));
        sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], x, w0);
        if (halves == 2)
          sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], x, w1);
      }
    }
  }
#pragma GCC unroll 8
  for (uint32_t r = 0; r < rows; r++) {
    int32_t *to = acc + (size_t)(first + r) * halves * LANES;
    _mm512_store_si512(to, sums[r][0]);
    if (halves == 2)
      _mm512_store_si512(to + LANES, sums[r][1]);
  }
}

static void sum_bytes(const tile *t, int32_t *acc)
{
  BLOCKS(block_bytes)
}

const isa pbgen_avx512 = {"avx512", pbgen_has_avx512, expand, sum_bytes, sum_floats, finish_bytes};
