#ifndef PBGEN_CPU_X86_H
#define PBGEN_CPU_X86_H

int pbgen_has_avx2(void);        /* AVX2 and FMA */
int pbgen_has_avx512_vnni(void); /* and AVX-512 F, BW, DQ, VL, VNNI */
int pbgen_has_avx512(void);      /* and VBMI, GFNI, VPOPCNTDQ */
int pbgen_has_amx(void);         /* and AMX int8, with the kernel's permission (asked for here) */

#endif
