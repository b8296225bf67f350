// Why this file exists: what Swift calls of libFuzzer are functions of C that it cannot name by
// itself.
#ifndef GATEWAY_CFUZZER_H
#define GATEWAY_CFUZZER_H
#include <stddef.h>
#include <stdint.h>

typedef int (*fuzz_one)(const uint8_t *bytes, size_t count);

// Runs libFuzzer with the arguments of the command line; `argc` and `argv` may be changed by it.
int LLVMFuzzerRunDriver(int *argc, char ***argv, fuzz_one one);

// Changes `bytes`, for which there is room for `most`, by libFuzzer's own means and its dictionary.
// Gives their new number.
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t count, size_t most);

#endif
