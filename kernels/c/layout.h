/* How activations lie in scratch memory.
 *
 * Activations lie as [y][x][image][channel], a pixel's channels padded to whole 64-byte lines. So
 * consecutive rows of a tile are consecutive pixels or images, at one stride. Two layouts make long
 * runs of rows that share their taps:
 *   plain    the plane as it is; a run is the pixels of one row whose taps lie inside the image,
 * all images of each: nothing is multiplied by zero. For many images. shifted  one copy of the
 * plane for each horizontal offset, with rows of zeros above and below: the whole plane is one run.
 * For few images, whose runs would not fill a tile. */
#ifndef PBGEN_LAYOUT_H
#define PBGEN_LAYOUT_H

#include "plan.h"

/* The input of a layer. */
typedef struct layout {
  uint32_t images, copies, pitch, top, rows;
  size_t channel_bytes; /* of one pixel of one image */
  size_t plane_bytes;   /* of one copy */
  size_t center;        /* offset of pixel (0, 0) of the unshifted copy */
  size_t bytes;
} layout;

static inline size_t element_bytes(const layer_plan *l)
{
  return l->precision == PBGEN_FLOAT ? sizeof(float) : 1;
}

layout layout_of(const layer_plan *l, uint32_t images);

/* The first layer's input: latents [images][c_in] as bytes, or as floats in [-1, 1]. */
void load_latents(const layer_plan *l, const layout *a, const uint8_t *latents, uint8_t *plane);

/* Shifted layout: zero what surrounds the image in the unshifted copy, make the others from it. */
void spread(const layer_plan *l, const layout *a, uint8_t *plane);

#endif
