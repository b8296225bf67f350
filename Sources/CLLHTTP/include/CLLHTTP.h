// Why this file exists: the one door through which Swift sees llhttp, whose files are fetched and
// verified, and so stay as they came.
#ifndef GATEWAY_CLLHTTP_H
#define GATEWAY_CLLHTTP_H

#include "../../../vendor/llhttp/include/llhttp.h"

#endif
