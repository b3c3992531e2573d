/* AVX-512 with VNNI, GFNI and VPOPCNTDQ: 64 byte products an instruction. */
#include "avx512_bits.h"
#include "avx512_sums.h"
#include "cpu_x86.h"

const isa pbgen_avx512 = {
    .name = "avx512",
    .available = pbgen_has_avx512,
    .row_step = 8,
    .images = 16,
    .expand = expand,
    .sum_bytes = sum_with_vnni,
    .sum_bits = sum_bits,
    .sum_floats = sum_floats,
    .finish_bytes = finish_bytes,
    .finish_floats = finish_floats,
    .finish_levels = finish_levels,
};
