/* How many tables for sums by look-up a layer has at a time, and how they lie. */
#ifndef PBGEN_TABLES_H
#define PBGEN_TABLES_H

#include "layout.h"

/* Those of all of a layer's input, plain. */
layout tables_layout(const layer_plan *l, const lookup *how, uint32_t images);

/* Lines of positions of a band. */
uint32_t tabled_lines(const layer_plan *l, const layout *tables);

/* Bytes of a band's tables. */
size_t tables_bytes(const layer_plan *l, const layout *tables);

#endif
