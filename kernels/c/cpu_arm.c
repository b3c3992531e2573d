/* Which AArch64 extensions this machine has, as the operating system says. */
#include "cpu_arm.h"

#if defined(__linux__)
#include <sys/auxv.h>
#endif

int pbgen_has_dot_product(void)
{
#if defined(__linux__)
  const unsigned long asimddp = 1ul << 20; /* HWCAP_ASIMDDP */
  return (getauxval(AT_HWCAP) & asimddp) != 0;
#elif defined(__APPLE__)
  return 1; /* every Apple processor that runs macOS has it */
#else
  return 0;
#endif
}
