// Why this file exists: libFuzzer's loop is a function of C++ that Swift cannot name by itself.
#ifndef GATEWAY_CFUZZER_H
#define GATEWAY_CFUZZER_H
#include <stddef.h>
#include <stdint.h>

typedef int (*fuzz_one)(const uint8_t *bytes, size_t count);

// Runs libFuzzer with the arguments of the command line; `argc` and `argv` may be changed by it.
int LLVMFuzzerRunDriver(int *argc, char ***argv, fuzz_one one);

#endif
