/* Which instruction sets this build holds, best first, and the small entry points about them. */
#include "plan.h"

const isa *const pbgen_isas[] = {
#if defined(PBGEN_AMX)
    &pbgen_amx,
#endif
#if defined(PBGEN_AVX512)
    &pbgen_avx512,
#endif
#if defined(PBGEN_AVX512_VNNI)
    &pbgen_avx512_vnni,
#endif
#if defined(PBGEN_AVX2)
    &pbgen_avx2,
#endif
#if defined(PBGEN_NEON)
    &pbgen_neon,
#endif
    &pbgen_portable,
    /* The end. */
    NULL,
};

uint32_t pbgen_abi_version(void)
{
  return PBGEN_ABI_VERSION;
}

const char *pbgen_compiler(void)
{
#if defined(__clang__)
  return __VERSION__;
#elif defined(__GNUC__)
  return "GCC " __VERSION__;
#else
  return "unknown";
#endif
}

const char *pbgen_isa_name(uint32_t index)
{
  for (uint32_t i = 0; pbgen_isas[i]; i++)
    if (i == index)
      return pbgen_isas[i]->name;
  return NULL;
}

int pbgen_isa_available(uint32_t index)
{
  return pbgen_isa_name(index) != NULL && pbgen_isas[index]->available();
}
