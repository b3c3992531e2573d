/* The most multiply-adds a second that one core can do, by instruction set and operand: sums in
 * registers, nothing loaded or stored. A line each: isa, operand, multiply-adds a second. Built and
 * run by peak.py. */
#include <immintrin.h>
#include <stdio.h>
#include <time.h>

#include "cpu_x86.h"

#define ROUNDS 10000 /* a timing takes tens of microseconds, so that most are not interrupted */
#define TIMINGS 500
#define SUMS 12 /* enough to hide the latency of all */

#define TARGET(features) static __attribute__((target(features)))
#define EACH_SUM _Pragma("GCC unroll 16") for (int i = 0; i < SUMS; i++)
/* Forgotten by the compiler, which would else see that all sums are the same. */
#define UNKNOWN(x) __asm__ volatile("" : "+x"(x))

TARGET("avx512f,avx512vnni") void avx512_bytes(void)
{
  __m512i sums[SUMS], one = _mm512_set1_epi8(1);
  EACH_SUM sums[i] = one;
  for (int round = 0; round < ROUNDS; round++)
    EACH_SUM
    {
      sums[i] = _mm512_dpbusd_epi32(sums[i], one, one);
      UNKNOWN(sums[i]);
    }
}

TARGET("avx512f") void avx512_floats(void)
{
  __m512 sums[SUMS], one = _mm512_set1_ps(1);
  EACH_SUM sums[i] = one;
  for (int round = 0; round < ROUNDS; round++)
    EACH_SUM
    {
      sums[i] = _mm512_fmadd_ps(one, one, sums[i]);
      UNKNOWN(sums[i]);
    }
}

/* One of two parts of the sums of four inputs, looked up for 32 columns and added in int8: the
 * least that AVX2 needs with weights of one bit. */
TARGET("avx2") void avx2_bytes(void)
{
  __m256i sums[SUMS], one = _mm256_set1_epi8(1);
  EACH_SUM sums[i] = one;
  for (int round = 0; round < ROUNDS; round++)
    EACH_SUM
    {
      UNKNOWN(one);
      sums[i] = _mm256_add_epi8(sums[i], _mm256_shuffle_epi8(one, one));
      UNKNOWN(sums[i]);
    }
}

TARGET("avx2,fma") void avx2_floats(void)
{
  __m256 sums[SUMS], one = _mm256_set1_ps(1);
  EACH_SUM sums[i] = one;
  for (int round = 0; round < ROUNDS; round++)
    EACH_SUM
    {
      sums[i] = _mm256_fmadd_ps(one, one, sums[i]);
      UNKNOWN(sums[i]);
    }
}

TARGET("amx-tile,amx-int8") void amx_bytes(void)
{
  static const struct {
    unsigned char palette, start_row, reserved[14];
    unsigned short row_bytes[16];
    unsigned char rows[16];
  } __attribute__((aligned(64))) full = {
      .palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16}};
  _tile_loadconfig(&full);
  for (int round = 0; round < ROUNDS / 10; round++) {
    _tile_dpbusd(0, 4, 5);
    _tile_dpbusd(1, 4, 5);
    _tile_dpbusd(2, 4, 5);
    _tile_dpbusd(3, 4, 5);
  }
  _tile_release();
}

static double seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The best of many timings of `function`, which does that many multiply-adds. */
static void report(const char *isa, const char *operand, void (*function)(void),
                   double multiply_adds)
{
  double best = 1e9;
  for (int i = 0; i < TIMINGS; i++) {
    const double start = seconds();
    function();
    const double taken = seconds() - start;
    best = taken < best ? taken : best;
  }
  printf("%s %s %.4g\n", isa, operand, multiply_adds / best);
}

int main(void)
{
  const double steps = (double)ROUNDS * SUMS;
  if (pbgen_has_amx())
    report("amx", "bytes", amx_bytes, ROUNDS / 10 * 4 * 16.0 * 16 * 64);
  if (pbgen_has_avx512()) {
    report("avx512", "bytes", avx512_bytes, steps * 64);
    report("avx512", "floats", avx512_floats, steps * 16);
  }
  if (pbgen_has_avx2()) {
    report("avx2", "bytes", avx2_bytes, steps * 64);
    report("avx2", "floats", avx2_floats, steps * 8);
  }
  return 0;
}
