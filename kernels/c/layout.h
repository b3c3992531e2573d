/* How activations lie in scratch memory.
 *
 * A row is one pixel of one image. Channels are cut into chunks of 64 bytes, and the same chunk of
 * 16 consecutive rows lies together, 1 KB: a tile is read in straight lines. Two layouts make long
 * runs of rows that share their taps:
 *   plain    [y][x][chunk][16 images][64]. A run is a rectangle of pixels whose taps lie inside the
 *            image: nothing is multiplied by zero. For many images, and for one-bit inputs, which
 *            have no zero, and look-up; their pixels hold as many rows as there are images.
 *   one run  [chunk][copy][y][x][image][64], with zeros around the image: the whole plane is one
 *            run. For few images, whose runs would not fill a tile. Wide planes have a gap of zeros
 *            behind each line, whose own results are dropped; narrow ones, where that would cost
 *            more, have a shifted copy of the plane for each horizontal offset. */
#ifndef PBGEN_LAYOUT_H
#define PBGEN_LAYOUT_H

#include "plan.h"

/* The input of a layer. */
typedef struct layout {
  uint32_t one_run;
  uint32_t slots; /* rows of a pixel: images, and in the plain layout what is missing to 16 */
  uint32_t copies, pitch, top, lines; /* top: lines of zeros above the image */
  uint32_t chunks;
  size_t chunk;  /* bytes from a chunk of a row to its next */
  size_t pixel;  /* bytes from a pixel to its neighbour in the line */
  size_t copy;   /* bytes from a pixel to the one that lies at offset dx = 1 of its tap */
  size_t start;  /* offset of the unshifted copy */
  size_t center; /* offset of its pixel (0, 0) */
  size_t bytes;
} layout;

/* Bytes of a line of one chunk, where the plane is one run. */
static inline size_t line_bytes(const layout *a)
{
  return (size_t)a->pitch * a->slots * LINE;
}

/* Positions of a line of the layer's results, with those in gaps, whose results are dropped. */
static inline uint32_t line_positions(const layer_plan *l, const layout *in)
{
  return in->one_run ? in->pitch : positions_of(l);
}

/* Offset from the center of row `image` of pixel (y, x). */
static inline size_t row_offset(const layout *a, uint32_t y, uint32_t x, uint32_t image)
{
  return ((size_t)y * a->pitch + x) * a->pixel + image * LINE;
}

/* row_step: rows that cost as much as one, see isa.h. */
layout layout_of(const layer_plan *l, uint32_t images, uint32_t row_step);

/* The first layer's input: latents [images][c_in] as bytes, their top bits, or floats in [-1, 1].
 */
void load_latents(const layer_plan *l, const layout *a, const uint8_t *latents, uint32_t images,
                  uint8_t *plane);

/* One run: zero what surrounds the image, and make the shifted copies: this member's chunks. */
void spread(const layer_plan *l, const layout *a, uint32_t member, uint32_t members,
            uint8_t *plane);

#endif
