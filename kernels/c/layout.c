#include "layout.h"

#include <string.h>

#define PLAIN_FROM 8 /* images; with fewer, the empty slots would fill the caches */
#define GAPS_FROM 16 /* pixels in a line; with fewer, gaps cost more than copies */

static uint32_t larger(uint32_t a, uint32_t b)
{
  return a > b ? a : b;
}

/* Whether empty rows of the plain layout cost less than the zeros around the image in the other,
 * about one multiplication in eight. */
static int plain_pays(uint32_t images, uint32_t row_step)
{
  return images >= PLAIN_FROM && 7 * round_up(images, row_step) <= 8 * (size_t)images;
}

layout layout_of(const layer_plan *l, uint32_t images, uint32_t row_step)
{
  layout a = {.slots = images, .copies = 1, .pitch = l->size_in, .lines = l->size_in};
  const int bits = l->precision == PBGEN_XNOR;
  a.chunks = chunks_of(input_bytes(l));
  if (bits || l->tables || plain_pays(images, row_step) || l->size_in == 1) {
    a.slots = bits || l->tables ? images : BLOCK_ROWS;
    a.chunk = a.slots * LINE;
    a.pixel = a.chunks * a.chunk;
    a.bytes = (size_t)l->size_in * l->size_in * a.pixel;
    return a;
  }
  const uint32_t positions = positions_of(l), left = (uint32_t)-l->d_low,
                 right = (uint32_t)l->d_high;
  const int gaps = l->size_in >= GAPS_FROM;
  a.one_run = 1;
  a.pixel = (size_t)a.slots * LINE;
  a.pitch = gaps ? larger(positions + right, l->size_in + left) : larger(positions, l->size_in);
  a.top = left;
  a.lines = a.top + larger(positions + right, l->size_in);
  if (gaps) {
    a.start = left * a.pixel; /* the first line's left neighbours */
    a.copy = a.pixel;
    a.chunk = a.start + a.lines * line_bytes(&a);
  } else {
    a.copies = left + right + 1;
    a.copy = a.lines * line_bytes(&a);
    a.start = left * a.copy;
    a.chunk = a.copies * a.copy;
  }
  a.center = a.start + a.top * line_bytes(&a);
  a.bytes = a.chunks * a.chunk + (BLOCK_ROWS - 1) * LINE; /* tiles read whole blocks */
  return a;
}

void load_latents(const layer_plan *l, const layout *a, const uint8_t *latents, uint32_t images,
                  uint8_t *plane)
{
  memset(plane, 0, a->bytes);
  for (uint32_t image = 0; image < images; image++) {
    const uint8_t *q = latents + (size_t)image * l->c_in;
    for (uint32_t i = 0; i < l->c_in; i++) {
      const uint32_t at = i * channel_bits(l) / 8;
      uint8_t *to =
          plane + a->center + row_offset(a, 0, 0, image) + at / LINE * a->chunk + at % LINE;
      if (l->precision == PBGEN_FLOAT)
        *(float *)(void *)to = ((float)q[i] - 127.5f) / 127.5f;
      else if (l->precision == PBGEN_XNOR)
        *to |= (uint8_t)(q[i] >> 7 << (i % 8));
      else
        *to = q[i];
    }
  }
}

/* One chunk of the unshifted copy -> the copy shifted by dx pixels. */
static void shift_copy(const layout *a, const uint8_t *from, int32_t dx, uint8_t *to)
{
  const size_t line = line_bytes(a), pixel = (size_t)a->slots * LINE;
  const size_t shift = (size_t)(dx < 0 ? -dx : dx) * pixel, all = a->lines * line;
  const size_t gone = shift < line ? shift : line;
  memcpy(dx < 0 ? to + gone : to, dx < 0 ? from : from + gone, all - gone);
  /* What came over from the neighbouring line is outside the image. */
  for (uint8_t *at = dx < 0 ? to : to + line - gone; at < to + all; at += line)
    memset(at, 0, gone);
}

void spread(const layer_plan *l, const layout *a, uint32_t member, uint32_t members, uint8_t *plane)
{
  const size_t line = line_bytes(a), width = (size_t)l->size_in * a->slots * LINE;
  for (uint32_t chunk = member; a->one_run && chunk < a->chunks; chunk += members) {
    uint8_t *whole = plane + chunk * a->chunk + a->start;
    uint8_t *image = whole + a->top * line, *end = image + l->size_in * line;
    if (a->copies == 1)
      memset(whole - a->start, 0, a->start);
    memset(whole, 0, a->top * line);
    for (uint8_t *at = image; at < end && width < line; at += line)
      memset(at + width, 0, line - width);
    memset(end, 0, (a->lines - a->top - l->size_in) * line);
    for (int32_t dx = l->d_low; a->copies > 1 && dx <= l->d_high; dx++)
      if (dx)
        shift_copy(a, whole, dx, whole + dx * (ptrdiff_t)a->copy);
  }
}
