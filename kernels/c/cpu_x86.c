/* Which x86 extensions this machine has: the processor (CPUID), the operating system's saving of
 * the registers (XCR0) and, for AMX, the kernel's permission. Compiled without any of them. */
#include "cpu_x86.h"

#include <cpuid.h>
#include <stdint.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define XCR0_AVX 0x6u     /* SSE and AVX state */
#define XCR0_AVX512 0xe6u /* and opmask, upper halves, upper registers */
#define XCR0_AMX 0x60000u /* tile configuration and tile data */

typedef struct features {
  uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_edx;
  uint64_t xcr0;
} features;

static features detect(void)
{
  features f = {0};
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &f.leaf1_ecx, &d) || !(f.leaf1_ecx & bit_OSXSAVE))
    return f;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  f.xcr0 = (uint64_t)high << 32 | low;
  if (!__get_cpuid_count(7, 0, &a, &f.leaf7_ebx, &f.leaf7_ecx, &f.leaf7_edx))
    f.leaf7_ebx = f.leaf7_ecx = f.leaf7_edx = 0;
  (void)c;
  return f;
}

static int all_set(uint64_t value, uint64_t mask)
{
  return (value & mask) == mask;
}

int pbgen_has_avx2(void)
{
  const features f = detect();
  return all_set(f.xcr0, XCR0_AVX) && all_set(f.leaf1_ecx, bit_AVX | bit_FMA) &&
         all_set(f.leaf7_ebx, bit_AVX2);
}

int pbgen_has_avx512_vnni(void)
{
  const features f = detect();
  return pbgen_has_avx2() && all_set(f.xcr0, XCR0_AVX512) &&
         all_set(f.leaf7_ebx, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL) &&
         all_set(f.leaf7_ecx, bit_AVX512VNNI);
}

int pbgen_has_avx512(void)
{
  const uint32_t vbmi = 1u << 1, gfni = 1u << 8, vpopcntdq = 1u << 14; /* leaf 7, ecx */
  return pbgen_has_avx512_vnni() && all_set(detect().leaf7_ecx, vbmi | gfni | vpopcntdq);
}

int pbgen_has_amx(void)
{
#if defined(__linux__)
  const features f = detect();
  const uint32_t amx_tile = 1u << 24, amx_int8 = 1u << 25; /* leaf 7, edx */
  if (!pbgen_has_avx512() || !all_set(f.xcr0, XCR0_AMX) ||
      !all_set(f.leaf7_edx, amx_tile | amx_int8))
    return 0;
  const long request_permission = 0x1023, tile_data = 18; /* arch_prctl(2) */
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return 0;
#endif
}
