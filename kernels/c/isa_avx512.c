/* AVX-512 with VBMI, VNNI, GFNI and VPOPCNTDQ. Binary weights are looked up (avx512_tables.h),
 * where a layer's columns fill registers; elsewhere and with fixed weights vpdpbusd takes 64
 * products of bytes an instruction. */
#include "avx512_bits.h"
#include "avx512_sums.h"
#include "avx512_tables.h"
#include "cpu_x86.h"

const isa pbgen_avx512 = {
    .name = "avx512",
    .available = pbgen_has_avx512,
    .row_step = 8,
    .float_row_step = 8,
    .images = 16,
    .expand = expand,
    .sum_bytes = sum_with_vnni,
    .tables = &tables,
    .sum_bits = sum_bits,
    .sum_floats = sum_floats,
    .finish_bytes = finish_bytes,
    .finish_floats = finish_floats,
    .finish_levels = finish_levels,
};
