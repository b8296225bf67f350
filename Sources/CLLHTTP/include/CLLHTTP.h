// Why this file exists: the one door through which Swift sees llhttp, whose files are fetched and
// verified and so stay as they came, and the one place that says how a head's fields are noted.
#ifndef GATEWAY_CLLHTTP_H
#define GATEWAY_CLLHTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "../../../vendor/llhttp/include/llhttp.h"

// One field line, by position from the head's base. Swift knows it as HTTPSemantics.Field, and
// HTTPParsing checks at start that the two have the same layout.
typedef struct {
  uint32_t name_offset;
  uint32_t value_offset;
  uint32_t value_length;
  uint16_t name_length;
  uint8_t kind;
  uint8_t flags;
} gateway_field;

// llhttp, and where it has got to in the fields of a head. A head whose lines come whole is noted in
// C, while llhttp runs, for a third of what a callback into Swift costs; everything else goes to the
// callbacks of the settings.
typedef struct {
  // First, so that llhttp's pointer to its own state is a pointer to the whole.
  llhttp_t machine;
  // Offsets count from here.
  const uint8_t *base;
  // The slot for the next field line, and the first that may not be used; both null behind the head.
  gateway_field *next_field;
  gateway_field *last_field;
  // No piece of the last field's value has come yet.
  bool name_is_open;
  // More fields, or a longer name, than there is room for.
  bool is_too_large;
} gateway_head_reader;

#endif
