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

#include <string.h>

#include "CLLHTTP.h"

// The words that the parser knows (the names that frame a message, their values, the methods) are
// compared by two functions of its own, a byte at a time: 850 instructions of a proxied request, of
// 3,600. Here each call goes to a function of ours that is named after the length of the word and
// compares eight bytes at once. The parser's own two are kept for a word that the end of a read may
// cut; their definition goes through the same macro, which makes of `uint32_t seq_len` their names,
// `seq_len_folded` and `seq_len_exact`.
#define llparse__match_sequence_to_lower(s, p, end, word, count) \
  gateway_word_##count##_folded(s, p, end, word, count)
#define llparse__match_sequence_id(s, p, end, word, count) \
  gateway_word_##count##_exact(s, p, end, word, count)
#define gateway_word_uint32_t

typedef struct llparse_match_s gateway_match;
static gateway_match seq_len_folded(
    llhttp_t *, const unsigned char *, const unsigned char *, const unsigned char *, uint32_t)
    __attribute__((cold, noinline));
static gateway_match seq_len_exact(
    llhttp_t *, const unsigned char *, const unsigned char *, const unsigned char *, uint32_t)
    __attribute__((cold, noinline));

#define WORD(count, how)                                                                \
  static inline gateway_match gateway_word_##count##_##how(                             \
      llhttp_t *, const unsigned char *, const unsigned char *, const unsigned char *, \
      uint32_t)
#define WORDS(count) \
  WORD(count, folded); \
  WORD(count, exact);
// The lengths of all words in the parser; another one would not compile.
#define LENGTHS(each) \
  each(2) each(3) each(4) each(5) each(6) each(7) each(8) each(9) each(10) each(15) each(16)
LENGTHS(WORDS)

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

// How the eight bytes at `p` differ from the first `count` of a word, a byte each, zero where they
// do not. `case_bits` has bit 6 of each byte where letters of either case are the same: in a word
// of small letters and hyphens that bit tells the letters, and a byte is such a letter in one of its
// cases exactly if it is the small one with bit 5 set.
__attribute__((always_inline))
static inline uint64_t differences(
    const unsigned char *p, const unsigned char *word, uint32_t count, uint64_t case_bits) {
  uint64_t found, wanted = 0;
  memcpy(&found, p, 8);
  memcpy(&wanted, word, count < 8 ? count : 8);
  uint64_t different = (found | (wanted & case_bits) >> 1) ^ wanted;
  return count < 8 ? different & ((UINT64_C(1) << 8 * count) - 1) : different;
}

// What the parser's own function says: the last byte of the word, or the first that differs.
__attribute__((always_inline))
static inline llparse_match_t match(
    const unsigned char *p, const unsigned char *word, uint32_t count, uint64_t case_bits) {
  uint64_t different = differences(p, word, count, case_bits);
  uint32_t before = 0;
  if (count > 8 && different == 0) {
    before = 8;
    different = differences(p + 8, word + 8, count - 8, case_bits);
  }
  if (different == 0) return (llparse_match_t){kMatchComplete, p + count - 1};
  return (llparse_match_t){kMatchMismatch, p + before + (__builtin_ctzll(different) >> 3)};
}

// Not in the middle of a word, and two times eight bytes are there to be read.
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define IS_WHOLE(s, p, end) ((s)->_index == 0 && (end) - (p) >= 16)
#else
#define IS_WHOLE(s, p, end) 0
#endif

// What is left of `Content-Length` and `Transfer-Encoding` where the parser asks for them: no other
// words of names are as long. Behind a body they frame nothing (RFC 9110 section 6.5.1), but the
// parser would take them for a second framing and refuse the message. There it is not told of them;
// the rules for trailers drop them like others that do not belong there.
#define FRAMES_ONLY_HEADS(count, case_bits) ((case_bits) != 0 && ((count) == 10 || (count) == 16))

#undef WORD
#define WORD(count, how, case_bits)                                                      \
  __attribute__((always_inline))                                                         \
  static inline llparse_match_t gateway_word_##count##_##how(                            \
      llhttp_t *s, const unsigned char *p, const unsigned char *end,                     \
      const unsigned char *word, uint32_t length) {                                      \
    if (FRAMES_ONLY_HEADS(count, case_bits) && (s->flags & F_TRAILING) != 0)             \
      return (llparse_match_t){kMatchMismatch, p};                                       \
    if (IS_WHOLE(s, p, end)) return match(p, word, count, case_bits);                    \
    return seq_len_##how(s, p, end, word, length);                                       \
  }
#undef WORDS
#define WORDS(count)                                     \
  WORD(count, folded, UINT64_C(0x4040404040404040)) \
  WORD(count, exact, 0)
LENGTHS(WORDS)

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
  if (r->name_is_open || r->next_field >= r->last_field || length > UINT16_MAX) {
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
