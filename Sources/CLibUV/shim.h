// Why this file exists: the one door through which Swift sees libuv.
// Variadic C functions cannot be called from Swift, so those that are needed get a fixed wrapper here.
#ifndef GATEWAY_CLIBUV_SHIM_H
#define GATEWAY_CLIBUV_SHIM_H

#include <uv.h>

#endif
