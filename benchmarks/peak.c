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

TARGET("avx512f,avx512vnni") void avx512_vnni_bytes(void)
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

/* One of two parts of the sums of six inputs, looked up for 64 columns and added in int8: the least
 * that a look-up needs with weights of one bit. */
TARGET("avx512f,avx512bw,avx512vbmi") void avx512_bytes(void)
{
  __m512i sums[SUMS], one = _mm512_set1_epi8(1);
  EACH_SUM sums[i] = one;
  for (int round = 0; round < ROUNDS; round++)
    EACH_SUM
    {
      UNKNOWN(one);
      sums[i] = _mm512_add_epi8(sums[i], _mm512_permutexvar_epi8(one, one));
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

/* The same of four inputs and 32 columns. */
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

/* Differing bits, 32 of a column a lane, counted and added. */
TARGET("avx512f,avx512vpopcntdq") void avx512_bits(void)
{
  __m512i sums[SUMS], one = _mm512_set1_epi8(1), other = one;
  EACH_SUM sums[i] = one;
  for (int round = 0; round < ROUNDS; round++)
    EACH_SUM
    {
      UNKNOWN(one);
      sums[i] = _mm512_sub_epi32(sums[i], _mm512_popcnt_epi32(_mm512_xor_si512(one, other)));
      UNKNOWN(sums[i]);
    }
}

/* The same without a count of bits: both halves of a byte are looked up, and bytes added. */
TARGET("avx512f,avx512bw,avx512vnni") void avx512_vnni_bits(void)
{
  __m512i sums[SUMS], one = _mm512_set1_epi8(1), other = one;
  EACH_SUM sums[i] = one;
  for (int round = 0; round < ROUNDS; round++)
    EACH_SUM
    {
      UNKNOWN(one);
      const __m512i bits = _mm512_xor_si512(one, other);
      const __m512i high = _mm512_and_si512(_mm512_srli_epi32(bits, 4), one);
      const __m512i ones = _mm512_add_epi8(_mm512_shuffle_epi8(one, _mm512_and_si512(bits, one)),
                                           _mm512_shuffle_epi8(one, high));
      sums[i] = _mm512_dpbusd_epi32(sums[i], ones, one);
      UNKNOWN(sums[i]);
    }
}

TARGET("avx2") void avx2_bits(void)
{
  __m256i sums[SUMS], one = _mm256_set1_epi8(1), other = one;
  EACH_SUM sums[i] = one;
  for (int round = 0; round < ROUNDS; round++)
    EACH_SUM
    {
      UNKNOWN(one);
      const __m256i bits = _mm256_xor_si256(one, other);
      const __m256i high = _mm256_and_si256(_mm256_srli_epi32(bits, 4), one);
      const __m256i ones = _mm256_add_epi8(_mm256_shuffle_epi8(one, _mm256_and_si256(bits, one)),
                                           _mm256_shuffle_epi8(one, high));
      sums[i] = _mm256_add_epi8(sums[i], ones);
      UNKNOWN(sums[i]);
    }
}

#if __has_include(<amxint8intrin.h>) /* compilers before GCC 11 do not know AMX */
#define AMX
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
#endif

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
#if defined(AMX)
  if (pbgen_has_amx())
    report("amx", "bytes", amx_bytes, ROUNDS / 10 * 4 * 16.0 * 16 * 64);
#endif
  if (pbgen_has_avx512_vnni()) {
    if (pbgen_has_avx512()) {
      report("avx512", "bytes", avx512_bytes, steps * 192);
      report("avx512", "floats", avx512_floats, steps * 16);
      report("avx512", "bits", avx512_bits, steps * 512);
    }
    report("avx512_vnni", "bytes", avx512_vnni_bytes, steps * 64);
    report("avx512_vnni", "floats", avx512_floats, steps * 16);
    report("avx512_vnni", "bits", avx512_vnni_bits, steps * 512);
  }
  if (pbgen_has_avx2()) {
    report("avx2", "bytes", avx2_bytes, steps * 64);
    report("avx2", "floats", avx2_floats, steps * 8);
    report("avx2", "bits", avx2_bits, steps * 256);
  }
  return 0;
}
