// Why this file exists: the one door through which Swift sees libyaml.
#ifndef GATEWAY_CLIBYAML_SHIM_H
#define GATEWAY_CLIBYAML_SHIM_H

#include <yaml.h>

#endif
