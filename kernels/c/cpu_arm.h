#ifndef PBGEN_CPU_ARM_H
#define PBGEN_CPU_ARM_H

int pbgen_has_dot_product(void); /* AArch64's optional udot and sdot */

#endif
