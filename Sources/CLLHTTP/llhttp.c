// Why this file exists: llhttp as one unit of compilation. Its generated parser calls a small
// function at every turn, in two other files: with all three in one, the compiler puts them in place
// (1,000 instructions of a proxied request, of 4,800). The files themselves are not touched.
//
// The parser declares those functions with `unsigned char`, the other files define them with `char`.
// So the parser's calls are given names of our own, `gateway_…`, and these functions stand between.

#define llhttp__on_url gateway_on_url
#define llhttp__on_header_field gateway_on_header_field
#define llhttp__on_header_value gateway_on_header_value
#define llhttp__on_headers_complete gateway_on_headers_complete
#define llhttp__on_body gateway_on_body
#define llhttp__on_chunk_extension_name gateway_on_chunk_extension_name
#define llhttp__on_chunk_extension_value gateway_on_chunk_extension_value
#define llhttp__on_chunk_complete gateway_on_chunk_complete
#define llhttp__on_message_complete gateway_on_message_complete
#define llhttp__before_headers_complete gateway_before_headers_complete
#define llhttp__after_headers_complete gateway_after_headers_complete
#define llhttp__after_message_complete gateway_after_message_complete
#define llhttp__on_message_begin gateway_on_message_begin
#define llhttp__on_protocol gateway_on_protocol
#define llhttp__on_protocol_complete gateway_on_protocol_complete
#define llhttp__on_method gateway_on_method
#define llhttp__on_method_complete gateway_on_method_complete
#define llhttp__on_url_complete gateway_on_url_complete
#define llhttp__on_version gateway_on_version
#define llhttp__on_version_complete gateway_on_version_complete
#define llhttp__on_status gateway_on_status
#define llhttp__on_status_complete gateway_on_status_complete
#define llhttp__on_header_field_complete gateway_on_header_field_complete
#define llhttp__on_header_value_complete gateway_on_header_value_complete
#define llhttp__on_chunk_header gateway_on_chunk_header
#define llhttp__on_chunk_extension_name_complete gateway_on_chunk_extension_name_complete
#define llhttp__on_chunk_extension_value_complete gateway_on_chunk_extension_value_complete
#define llhttp__on_reset gateway_on_reset

#include "CLLHTTP.h"

#include "../../vendor/llhttp/src/llhttp.c"

#undef llhttp__on_url
#undef llhttp__on_header_field
#undef llhttp__on_header_value
#undef llhttp__on_headers_complete
#undef llhttp__on_body
#undef llhttp__on_chunk_extension_name
#undef llhttp__on_chunk_extension_value
#undef llhttp__on_chunk_complete
#undef llhttp__on_message_complete
#undef llhttp__before_headers_complete
#undef llhttp__after_headers_complete
#undef llhttp__after_message_complete
#undef llhttp__on_message_begin
#undef llhttp__on_protocol
#undef llhttp__on_protocol_complete
#undef llhttp__on_method
#undef llhttp__on_method_complete
#undef llhttp__on_url_complete
#undef llhttp__on_version
#undef llhttp__on_version_complete
#undef llhttp__on_status
#undef llhttp__on_status_complete
#undef llhttp__on_header_field_complete
#undef llhttp__on_header_value_complete
#undef llhttp__on_chunk_header
#undef llhttp__on_chunk_extension_name_complete
#undef llhttp__on_chunk_extension_value_complete
#undef llhttp__on_reset

#include "../../vendor/llhttp/src/api.c"
#include "../../vendor/llhttp/src/http.c"

// Goes on to llhttp's own function, which calls what the settings name, if they name something.
#define CALLED(name)                                                          \
  int gateway_##name(llhttp_t *s, const unsigned char *p, const unsigned char *end) { \
    return llhttp__##name(s, (const char *)p, (const char *)end);             \
  }

// HTTPParsing never sets this one (Callbacks.swift): nothing to ask for at run time.
#define UNUSED(name)                                                          \
  int gateway_##name(llhttp_t *s, const unsigned char *p, const unsigned char *end) { \
    return 0;                                                                 \
  }

CALLED(on_url)
CALLED(on_headers_complete)
CALLED(on_body)
CALLED(on_chunk_extension_name)
CALLED(on_chunk_extension_value)
CALLED(on_chunk_complete)
CALLED(on_message_complete)
CALLED(before_headers_complete)
CALLED(after_headers_complete)
CALLED(after_message_complete)

UNUSED(on_message_begin)
UNUSED(on_protocol)
UNUSED(on_protocol_complete)
UNUSED(on_method)
UNUSED(on_method_complete)
UNUSED(on_url_complete)
UNUSED(on_version)
UNUSED(on_version_complete)
UNUSED(on_status)
UNUSED(on_status_complete)
UNUSED(on_header_field_complete)
UNUSED(on_header_value_complete)
UNUSED(on_chunk_header)
UNUSED(on_chunk_extension_name_complete)
UNUSED(on_chunk_extension_value_complete)
UNUSED(on_reset)

// A name that begins a line, with a slot for it. A piece of a name that was cut, a trailer, or one
// field too many goes to Swift.
__attribute__((always_inline))
int gateway_on_header_field(llhttp_t *s, const unsigned char *p, const unsigned char *end) {
  gateway_head_reader *r = (gateway_head_reader *)s;
  size_t length = (size_t)(end - p);
  if (r->name_is_open || r->next_field == r->last_field || length > UINT16_MAX) {
    return llhttp__on_header_field(s, (const char *)p, (const char *)end);
  }
  uint32_t offset = (uint32_t)(p - r->base);  // RequestParser.feed has proved that offsets fit
  *r->next_field = (gateway_field){
    .name_offset = offset, .value_offset = offset, .name_length = (uint16_t)length};
  r->next_field += 1;
  r->name_is_open = true;
  return 0;
}

// The value behind such a name, or its first piece.
__attribute__((always_inline))
int gateway_on_header_value(llhttp_t *s, const unsigned char *p, const unsigned char *end) {
  gateway_head_reader *r = (gateway_head_reader *)s;
  if (!r->name_is_open || r->is_too_large) {
    return llhttp__on_header_value(s, (const char *)p, (const char *)end);
  }
  gateway_field *field = r->next_field - 1;
  field->value_offset = (uint32_t)(p - r->base);
  field->value_length = (uint32_t)(end - p);
  r->name_is_open = false;
  return 0;
}
