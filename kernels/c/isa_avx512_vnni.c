/* AVX-512 with VNNI and no more: the first processors that had it lack GFNI and VPOPCNTDQ. */
#include "avx512_bits.h"
#include "avx512_sums.h"
#include "cpu_x86.h"

const isa pbgen_avx512_vnni = {
    .name = "avx512_vnni",
    .available = pbgen_has_avx512_vnni,
    .row_step = 8,
    .float_row_step = 8,
    .images = 16,
    .expand = expand,
    .sum_bytes = sum_with_vnni,
    .sum_bits = sum_bits,
    .sum_floats = sum_floats,
    .finish_bytes = finish_bytes,
    .finish_floats = finish_floats,
    .finish_levels = finish_levels,
};
